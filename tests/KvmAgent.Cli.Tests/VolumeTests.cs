using KvmAgent.Coordinator.Tests.Support;

namespace KvmAgent.Cli.Tests;

/// <summary>Volumes by the real program, of a whole coordinator.</summary>
public sealed class VolumeTests : OfJobs
{
    [Fact]
    public async Task They_are_listed_with_how_far_they_are_filled_and_who_uses_them()
    {
        (await Kvmctl.DoAsync("volume", "list")).ShouldBe("there are no volumes\n");
        (await Kvmctl.DoAsync("image", "import", "https://example.com/fedora.qcow2", "-n", "shop", "--name", "fedora", "--size", "1Gi", "--storage-class", "fast", "--no-wait")).ShouldBe("shop/fedora is created\n");
        await Until.TrueAsync(async () => (await Kvmctl.DoAsync("volume", "ls", "-n", "shop", "-o", "name")) == "shop/fedora\nshop/web-root\n");
        var lines = (await Kvmctl.DoAsync("volume", "list", "-A", "-o", "wide")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines[0].ShouldMatch("^NAMESPACE +NAME +PHASE +PROGRESS +SIZE +MACHINES +AGE +CLASS +MODE +USED BY +IMAGE +MESSAGE *$");
        lines[1].ShouldMatch(@"^shop +fedora +\S+ +.* 0 +\d+s +fast .*https://example.com/fedora.qcow2");
        lines[2].ShouldMatch(@"^shop +web-root +.* 1 +\d+s .*shop/web");

        await Jobs.FillAsync("fedora");
        await Until.TrueAsync(async () => (await Kvmctl.DoAsync("volume", "list", "-n", "shop")).Contains("Succeeded   100%", StringComparison.Ordinal));
        var volumes = (await Kvmctl.JsonAsync("volume", "list", "-n", "shop"))["volumes"]!.AsArray();
        ((string?)volumes[0]!["kind"], (string?)volumes[1]!["machines"]![0]).ShouldBe(("DataVolume", "shop/web"));

        var run = await Kvmctl.RunAsync("volume", "list", "-A", "-n", "shop");
        (run.ExitCode, run.Output).ShouldBe((64, ""));
        run.Error.ShouldContain("--namespace shop and --all-namespaces exclude one another");
    }
}
