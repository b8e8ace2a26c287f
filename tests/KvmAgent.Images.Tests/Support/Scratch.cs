namespace KvmAgent.Images.Tests.Support;

/// <summary>A directory of the test's own, gone afterwards.</summary>
internal sealed class Scratch : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("kvm-agent-images-").FullName;

    public string Volume => Directory.CreateDirectory(Path.Combine(Root, "volume")).FullName;

    /// <summary>All names on the volume, the hidden ones too.</summary>
    public string[] Names => [.. Directory.EnumerateFileSystemEntries(Volume).Select(p => Path.GetFileName(p)!).Order(StringComparer.Ordinal)];

    public string File(string name, byte[] content)
    {
        var path = Path.Combine(Root, name);
        System.IO.File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>From a server of the test's own, so from one address of loopback and no other.</summary>
    public BaseImageRequest Request(string? source) =>
        new() { Source = source, Directory = Volume, Name = "base", Access = Quick.Loopback };

    public void Dispose() => Directory.Delete(Root, recursive: true);
}

internal static class Failures
{
    /// <summary>The one exception there may be, of the reason wanted and with these words in its message.</summary>
    public static async Task<string> ShouldFailAsync(this Task task, ImageFailure reason, params string[] words)
    {
        var e = await Should.ThrowAsync<ImageException>(task);
        return Check(e, reason, words);
    }

    public static string ShouldFail(Action action, ImageFailure reason, params string[] words) =>
        Check(Should.Throw<ImageException>(action), reason, words);

    private static string Check(ImageException e, ImageFailure reason, string[] words)
    {
        e.Reason.ShouldBe(reason, e.ToString());
        foreach (var word in words)
            e.Message.ShouldContain(word);
        return e.Message;
    }
}
