using KvmAgent.Processes;

namespace KvmAgent.HostTests.Guests;

/// <summary>A volume that is soon full, for as long as the test runs.</summary>
internal sealed class SmallVolume : IAsyncDisposable
{
    private SmallVolume(string path) => Path = path;

    public string Path { get; }

    public static async Task<SmallVolume> MountAsync(string path, string size)
    {
        Directory.CreateDirectory(path);
        await ProcessRunner.RunAsync("mount", ["-t", "tmpfs", "-o", $"size={size},mode=0755", "kvmtest", path]);
        return new SmallVolume(path);
    }

    public Task ResizeAsync(string size) => RemountAsync($"size={size}");

    public Task RemountAsync(string options) => ProcessRunner.RunAsync("mount", ["-o", $"remount,{options}", Path]);

    public async ValueTask DisposeAsync() => await ProcessRunner.RunAsync("umount", [Path]);
}
