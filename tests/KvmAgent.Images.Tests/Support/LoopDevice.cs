namespace KvmAgent.Images.Tests.Support;

/// <summary>A block device whose bytes are a file's; all 0xff at first, as a volume that somebody used before.</summary>
internal sealed class LoopDevice : IAsyncDisposable
{
    private LoopDevice(string path) => Path = path;

    public string Path { get; }

    public static async Task<LoopDevice> CreateAsync(Scratch scratch, int size)
    {
        var content = new byte[size];
        content.AsSpan().Fill(0xff);
        return new LoopDevice((await Programs.RunAsync("losetup", "--find", "--show", scratch.File("device.raw", content))).Trim());
    }

    public async ValueTask DisposeAsync() => await Programs.RunAsync("losetup", "--detach", Path);
}
