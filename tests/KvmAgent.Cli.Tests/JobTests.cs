using System.Text.RegularExpressions;
using KvmAgent.Coordinator.Tests.Support;

namespace KvmAgent.Cli.Tests;

/// <summary>Clones and other jobs by the real program, of a whole coordinator.</summary>
public sealed class JobTests : OfJobs
{
    [Fact]
    public async Task A_machine_is_cloned_listed_told_and_waited_for()
    {
        var begun = await Kvmctl.DoAsync("vm", "clone", "shop/web", "copy");
        begun.ShouldMatch(@"^shop/copy is being made of shop/web, with a copy of its disk\njob [-0-9a-f]{36} tells how far it is\n$");
        var id = Regex.Match(begun, "[-0-9a-f]{36}").Value;
        await Until.TrueAsync(async () => (await Kvmctl.DoAsync("job", "list", "-o", "wide")).Contains("copy-root: Pending", StringComparison.Ordinal));
        var lines = (await Kvmctl.DoAsync("job", "list")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines[0].ShouldMatch(@"^ID +KIND +STATUS +PROGRESS +MAKES +AGE *$");
        lines[1].ShouldMatch($@"^{id} +clone +pending +0% +shop/copy +\d+s *$");
        (await Kvmctl.DoAsync("job", "ls", "--status", "pending", "-o", "name")).ShouldBe($"{id}\n");
        (await Kvmctl.DoAsync("job", "list", "--kind", "import")).ShouldBe("there are no jobs\n");
        (await Kvmctl.DoAsync("job", "get", id)).ShouldContain("kind: clone");

        var waiting = Kvmctl.JsonAsync("job", "get", id, "--wait");
        await Jobs.FillAsync("copy-root");
        ((string?)(await waiting)["job"]!["status"]).ShouldBe("completed");
    }

    [Fact]
    public async Task A_clone_is_waited_for_and_nothing_but_the_outcome_is_on_the_output()
    {
        var waiting = Kvmctl.RunAsync("vm", "clone", "-n", "shop", "web", "copy", "--start", "--wait");
        await Jobs.FillAsync("copy-root");
        var run = await waiting;
        (run.ExitCode, run.Output).ShouldBe((0, "machine shop/copy is there with its disks\n"), run.Error);
        run.Error.ShouldMatch(@"^kvmctl: shop/copy is being made of shop/web, with a copy of its disk; job [-0-9a-f]{36}\n$");
        ((string?)Jobs.Management.Cluster.Machine("copy")!["spec"]!["runStrategy"]).ShouldBe("Always");
    }

    [Fact]
    public async Task In_a_terminal_a_bar_shows_how_far_it_is()
    {
        using var run = Kvmctl.StartInTerminal("$KVMCTL vm clone shop/web copy --wait");
        await run.SaysAsync("copy-root");
        await Jobs.FillAsync("copy-root");
        await run.SaysAsync("machine shop/copy is there with its disks");
    }

    [Fact]
    public async Task What_is_cancelled_or_fails_is_told_by_the_exit_code()
    {
        var id = (string)(await Kvmctl.JsonAsync("vm", "clone", "shop/web", "copy"))["job_id"]!;
        var waiting = Kvmctl.RunAsync("job", "get", id, "--wait");
        (await Kvmctl.DoAsync("job", "cancel", id)).ShouldBe($"job {id} is cancelled\n");
        (await waiting).ShouldSatisfyAllConditions(static r => r.ExitCode.ShouldBe(75), r => r.Error.ShouldContain($"job {id} (clone of shop/copy) is cancelled: cancelled by kubernetes-admin"));
        await FailsAsync(75, $"job {id} is cancelled already", "job", "cancel", id);
        await FailsAsync(69, "job none not found", "job", "get", "none");
        await FailsAsync(69, "machine shop/none not found", "vm", "clone", "shop/none", "copy");
        await FailsAsync(64, "name=\"web\" is the machine's own", "vm", "clone", "shop/web", "web");
        await FailsAsync(64, "status=\"done\" is not known", "job", "list", "--status", "done");
    }

    private async Task FailsAsync(int code, string why, params string[] arguments)
    {
        var run = await Kvmctl.RunAsync(arguments);
        run.ExitCode.ShouldBe(code, run.Error + run.Output);
        run.Error.ShouldContain(why);
        run.Output.ShouldBeEmpty();
    }
}
