using KvmAgent.Images.Store;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Fetch;

/// <summary>One fetch from a faulty server into a fresh volume, and what must be true of it afterwards.</summary>
public abstract class HttpScenario : IDisposable
{
    private protected Scratch Scratch { get; } = new();

    private protected static byte[] Disk { get; } = Samples.Raw(1_500_000);

    public void Dispose()
    {
        Scratch.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected async Task FetchedAsync(FaultServer server, byte[] disk, Reports? reports = null, StoreTimings? timings = null)
    {
        var image = await Quick.EnsureAsync(Scratch.Request(server.Url()), reports, timings);
        File.ReadAllBytes(image.Path).ShouldBe(disk);
        image.Digest.ShouldBe(Samples.Sha256(disk));
        Scratch.Names.ShouldBe(["base", "base.json"]);
    }

    private protected async Task FailsAsync(FaultServer server, ImageFailure reason, params string[] words)
    {
        await Quick.EnsureAsync(Scratch.Request(server.Url())).ShouldFailAsync(reason, words);
        Scratch.Names.ShouldBeEmpty();
    }
}
