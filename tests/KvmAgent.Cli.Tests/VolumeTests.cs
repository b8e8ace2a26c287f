using KvmAgent.Coordinator.Tests.Jobs;
using KvmAgent.Coordinator.Tests.Store;
using KvmAgent.Coordinator.Tests.Support;

namespace KvmAgent.Cli.Tests;

/// <summary>Volumes by the real program, of a whole coordinator.</summary>
public sealed class VolumeTests : IAsyncLifetime
{
    private Kvmctl _kvmctl = null!;
    private JobCluster _jobs = null!;

    public async Task InitializeAsync()
    {
        _kvmctl = Kvmctl.Create();
        _jobs = await JobCluster.StartAsync(new SqliteDatabase());
        _kvmctl.LogIn(_jobs.Management.Address, _jobs.Management.Authority, _jobs.Server.Token);
    }

    public async Task DisposeAsync()
    {
        _kvmctl.Dispose();
        await _jobs.DisposeAsync();
    }

    [Fact]
    public async Task They_are_listed_with_how_far_they_are_filled_and_who_uses_them()
    {
        (await _kvmctl.DoAsync("volume", "list")).ShouldBe("there are no volumes\n");
        (await _kvmctl.DoAsync("image", "import", "https://example.com/fedora.qcow2", "-n", "shop", "--name", "fedora", "--size", "1Gi", "--storage-class", "fast", "--no-wait")).ShouldBe("shop/fedora is created\n");
        await Until.TrueAsync(async () => (await _kvmctl.DoAsync("volume", "ls", "-n", "shop", "-o", "name")) == "shop/fedora\nshop/web-root\n");
        var lines = (await _kvmctl.DoAsync("volume", "list", "-A", "-o", "wide")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines[0].ShouldMatch("^NAMESPACE +NAME +PHASE +PROGRESS +SIZE +MACHINES +AGE +CLASS +MODE +USED BY +IMAGE +MESSAGE *$");
        lines[1].ShouldMatch(@"^shop +fedora +\S+ +.* 0 +\d+s +fast .*https://example.com/fedora.qcow2");
        lines[2].ShouldMatch(@"^shop +web-root +.* 1 +\d+s .*shop/web");

        await _jobs.FillAsync("fedora");
        await Until.TrueAsync(async () => (await _kvmctl.DoAsync("volume", "list", "-n", "shop")).Contains("Succeeded   100%", StringComparison.Ordinal));
        var volumes = (await _kvmctl.JsonAsync("volume", "list", "-n", "shop"))["volumes"]!.AsArray();
        ((string?)volumes[0]!["kind"], (string?)volumes[1]!["machines"]![0]).ShouldBe(("DataVolume", "shop/web"));

        var run = await _kvmctl.RunAsync("volume", "list", "-A", "-n", "shop");
        (run.ExitCode, run.Output).ShouldBe((64, ""));
        run.Error.ShouldContain("--namespace shop and --all-namespaces exclude one another");
    }
}
