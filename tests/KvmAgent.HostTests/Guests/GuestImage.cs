using System.Runtime.CompilerServices;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Guests;

/// <summary>A disk that a script below images makes, asked for once; the script caches it between runs.</summary>
internal sealed class GuestImage(string folder)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    private readonly Lazy<Task<string>> _built = new(() => BuildAsync(folder));

    /// <summary>The image's path.</summary>
    public Task<string> PathAsync() => _built.Value;

    private static async Task<string> BuildAsync(string folder) =>
        (await ProcessRunner.RunAsync(Path.Combine(RepositoryRoot(), "images", folder, "build"), [], limit: Limit)).Trim();

    private static string RepositoryRoot([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));
}
