using System.Text.Json.Nodes;
using KvmAgent.Contracts;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Tests.Agents;

namespace KvmAgent.Coordinator.Tests.Alone;

/// <summary>What a coordinator knows after it was away, and what it is told then.</summary>
public sealed class KeptTests
{
    [Fact]
    public async Task Phase_token_and_history_are_kept_over_a_restart()
    {
        await using var host = await AloneHost.StartAsync();
        var (enrolment, people) = (host.EnrolmentToken, host.PeoplesToken);
        var token = await host.EnrolAsync();
        var (agent, _) = await host.LinkAsync(token);
        using (agent)
        {
            await TellAsync(agent, (1, VmPhase.Preparing), (2, VmPhase.Starting), (3, VmPhase.Running));
            await agent.StatusAsync(4, VmPhase.Running, ready: true);
            Ready(await host.VmAsync()).ShouldBe("True");
        }

        await host.EndAsync();
        await host.BeginAsync();
        (host.EnrolmentToken, host.PeoplesToken).ShouldBe((enrolment, people));
        var kept = await host.VmAsync();
        kept["status"]!["phase"]!.GetValue<string>().ShouldBe("Running");
        Ready(kept).ShouldBe("Unknown");
        Condition(kept, "Ready")!["reason"]!.GetValue<string>().ShouldBe("AgentNotLinked");
        Phases(kept).ShouldBe(["Pending", "Scheduled", "Running"]);

        // The agent is told how far the coordinator knows, and tells what came since.
        var (again, welcome) = await host.LinkAsync(token);
        using (again)
        {
            welcome.GetProperty("acknowledged").GetProperty("sequence").GetInt64().ShouldBe(3);
            await again.StatusAsync(4, VmPhase.Running, ready: true);
            Ready(await host.VmAsync()).ShouldBe("True");
        }
    }

    [Fact]
    public async Task No_transition_is_lost_by_an_outage_and_none_is_kept_twice()
    {
        await using var host = await AloneHost.StartAsync();
        var token = await host.EnrolAsync();
        var (agent, _) = await host.LinkAsync(token);
        using (agent)
        {
            await TellAsync(agent, (1, VmPhase.Preparing), (2, VmPhase.Starting), (3, VmPhase.Running));
        }

        await host.EndAsync();
        await host.BeginAsync();
        var (again, _) = await host.LinkAsync(token);
        using (again)
        {
            // One that was acknowledged comes again, as where the acknowledgement was lost.
            await TellAsync(again, (3, VmPhase.Running), (4, VmPhase.ShuttingDown));
            await again.TransitionAsync(5, VmPhase.Stopped, "the guest powered off", 0);
        }

        var (next, _) = await host.LinkAsync(token, "b-start");
        using (next)
        {
            (await host.VmAsync())["status"]!["phase"]!.GetValue<string>().ShouldBe("Succeeded");
            await TellAsync(next, (1, VmPhase.Preparing));
            var vm = await host.VmAsync();
            vm["status"]!["phase"]!.GetValue<string>().ShouldBe("Scheduled");
            Phases(vm).ShouldBe(["Pending", "Scheduled"]);
        }

        using var store = host.OpenBeside();
        var uid = (await host.VmAsync())["metadata"]!["uid"]!.GetValue<string>();
        store.TransitionsOf(uid).Select(static t => (t.Start.Id, t.Sequence, t.Phase)).ShouldBe(
        [
            ("a-start", 1, VmPhase.Preparing), ("a-start", 2, VmPhase.Starting), ("a-start", 3, VmPhase.Running), ("a-start", 4, VmPhase.ShuttingDown),
            ("a-start", 5, VmPhase.Stopped), ("b-start", 1, VmPhase.Preparing),
        ]);
        store.TransitionsOf(uid)[4].ShouldSatisfyAllConditions(
            static t => t.Time.ShouldBe(DateTimeOffset.UnixEpoch.AddSeconds(5)), static t => t.Reason.ShouldBe("the guest powered off"), static t => t.ExitCode.ShouldBe(0));
    }

    [Theory]
    [InlineData(0, "Succeeded", null)]
    [InlineData(81, "Failed", "QemuCrashed")]
    [InlineData(65, "Failed", "ImageRefused")]
    public async Task A_vm_that_has_ended_stays_listed_as_it_ended(int exitCode, string phase, string? reason)
    {
        await using var host = await AloneHost.StartAsync();
        var token = await host.EnrolAsync();
        var (agent, _) = await host.LinkAsync(token);
        using (agent)
        {
            await TellAsync(agent, (1, VmPhase.Preparing), (2, VmPhase.Running));
            await agent.TransitionAsync(3, exitCode == 0 ? VmPhase.Stopped : VmPhase.Crashed, "so it was", exitCode);
        }

        await host.EndAsync();
        await host.BeginAsync();
        var status = (await host.VmAsync())["status"]!;
        status["phase"]!.GetValue<string>().ShouldBe(phase);
        status["reason"]?.GetValue<string>().ShouldBe(reason);
        Ready(await host.VmAsync()).ShouldBe("False");
    }

    [Fact]
    public async Task A_heartbeat_without_news_writes_nothing()
    {
        await using var host = await AloneHost.StartAsync();
        var token = await host.EnrolAsync();
        var (agent, _) = await host.LinkAsync(token);
        using (agent)
        {
            await TellAsync(agent, (1, VmPhase.Running));
            await agent.StatusAsync(2, VmPhase.Running, ready: true);
            var version = (await host.VmAsync())["metadata"]!["resourceVersion"]!.GetValue<string>();
            await agent.StatusAsync(2, VmPhase.Running, ready: true);
            // Also of a number that is new, where nothing is that is kept.
            await agent.StatusAsync(3, VmPhase.Running, ready: true);
            (await host.VmAsync())["metadata"]!["resourceVersion"]!.GetValue<string>().ShouldBe(version);
        }
    }

    [Fact]
    public async Task The_last_changes_and_transitions_are_kept_and_no_more()
    {
        await using var host = await AloneHost.StartAsync();
        await host.EnrolAsync();
        using var store = host.OpenBeside();
        var vm = store.Vms().Single().Object;
        for (var sequence = 1; sequence <= Coordinator.Alone.Store.AloneStore.MostTransitions + 5; sequence++)
        {
            store.Save(vm, new Contracts.Link.TransitionReport(new("many", default), sequence, DateTimeOffset.UnixEpoch, VmPhase.Running)).ShouldNotBeNull();
        }

        store.TransitionsOf(vm.Metadata.Uid!).Select(static t => t.Sequence).ShouldBe(Enumerable.Range(6, 1000).Select(static n => (long)n));
        var (oldest, latest) = store.Versions;
        (latest - oldest).ShouldBe(Coordinator.Alone.Store.AloneStore.MostChanges);
        store.Remove(new MachineKey("team", "web")).ShouldNotBeNull();
        store.TransitionsOf(vm.Metadata.Uid!).ShouldBeEmpty();
    }

    private static async Task TellAsync(ScriptedAgent agent, params (long Sequence, VmPhase Phase)[] transitions)
    {
        foreach (var (sequence, phase) in transitions)
        {
            (await agent.TransitionAsync(sequence, phase)).TryGetProperty("result", out _).ShouldBeTrue();
        }
    }

    private static JsonNode? Condition(JsonNode vm, string type) => vm["status"]!["conditions"]!.AsArray().SingleOrDefault(c => c!["type"]!.GetValue<string>() == type);

    private static string? Ready(JsonNode vm) => Condition(vm, "Ready")?["status"]!.GetValue<string>();

    private static string[] Phases(JsonNode vm) => [.. vm["status"]!["phaseTransitionTimestamps"]!.AsArray().Select(static t => t!["phase"]!.GetValue<string>())];
}
