using System.Runtime.CompilerServices;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Guests;

/// <summary>The tiny guest of images/test-guest, made once and cached between runs.</summary>
internal static class TestGuest
{
    private static readonly Lazy<Task<string>> Built = new(BuildAsync);

    /// <summary>The image's path.</summary>
    public static Task<string> ImageAsync() => Built.Value;

    private static async Task<string> BuildAsync() =>
        (await ProcessRunner.RunAsync(Path.Combine(RepositoryRoot(), "images", "test-guest", "build"), [], limit: TimeSpan.FromMinutes(10))).Trim();

    private static string RepositoryRoot([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));
}
