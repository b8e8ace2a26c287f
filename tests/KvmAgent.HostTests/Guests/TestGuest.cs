namespace KvmAgent.HostTests.Guests;

/// <summary>The tiny guest of images/test-guest.</summary>
internal static class TestGuest
{
    private static readonly GuestImage Image = new("test-guest");

    /// <summary>The image's path.</summary>
    public static Task<string> ImageAsync() => Image.PathAsync();
}
