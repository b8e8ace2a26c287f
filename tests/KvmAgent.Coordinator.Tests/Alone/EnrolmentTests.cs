using System.Net.WebSockets;
using System.Text.Json;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Tests.Support;

namespace KvmAgent.Coordinator.Tests.Alone;

/// <summary>Who gets a token, and what it is good for.</summary>
public sealed class EnrolmentTests
{
    private static readonly MachineKey Web = new("team", "web");

    [Fact]
    public async Task A_vm_gets_a_token_of_its_own_and_links_with_it()
    {
        await using var host = await AloneHost.StartAsync();
        var token = await host.EnrolAsync();
        token.ShouldNotBe(host.EnrolmentToken);
        var (agent, welcome) = await host.LinkAsync(token);
        using (agent)
        {
            welcome.GetProperty("token").ValueKind.ShouldBe(JsonValueKind.Null);
            (await host.VmAsync())["status"]!["phase"]!.GetValue<string>().ShouldBe("Pending");
        }
    }

    [Fact]
    public async Task A_name_that_is_taken_is_not_given_again()
    {
        await using var host = await AloneHost.StartAsync();
        await host.EnrolAsync();
        using var second = await host.DialAsync(host.EnrolmentToken);
        var error = (await second.HelloAsync("", enrols: true)).GetProperty("error");
        error.GetProperty("code").GetInt32().ShouldBe(LinkErrors.Forbidden);
        error.GetProperty("message").GetString()!.ShouldContain("`kvm-coordinator forget team/web`");
        (await second.AskAsync(LinkMethods.Enrolled, "{}")).TryGetProperty("error", out _).ShouldBeTrue();
    }

    [Fact]
    public async Task A_wrong_token_is_refused()
    {
        await using var host = await AloneHost.StartAsync();
        foreach (var wrong in new[] { "guessed", host.PeoplesToken, host.EnrolmentToken + "x" })
        {
            var refused = await Should.ThrowAsync<WebSocketException>(() => host.DialAsync(wrong));
            refused.Data["refusal"]!.ToString()!.ShouldStartWith("401 Bearer error=\"invalid_token\"");
        }
    }

    /// <summary>The agent was never given its token, or could not keep it: it may come again, and so may another.</summary>
    [Fact]
    public async Task A_welcome_that_was_lost_takes_no_name()
    {
        await using var host = await AloneHost.StartAsync();
        string lost;
        using (var first = await host.DialAsync(host.EnrolmentToken))
        {
            lost = (await first.HelloAsync("", enrols: true)).GetProperty("result").GetProperty("token").GetString()!;
        }

        var refused = await Should.ThrowAsync<WebSocketException>(() => host.DialAsync(lost));
        refused.Data["refusal"]!.ToString()!.ShouldStartWith("401");
        var (agent, _) = await host.LinkAsync(await host.EnrolAsync());
        agent.Dispose();
    }

    [Fact]
    public async Task Of_two_that_are_offered_a_name_the_first_to_confirm_has_it()
    {
        await using var host = await AloneHost.StartAsync();
        using var slow = await host.DialAsync(host.EnrolmentToken);
        var offered = (await slow.HelloAsync("", enrols: true)).GetProperty("result").GetProperty("token").GetString()!;
        await host.EnrolAsync();
        (await slow.AskAsync(LinkMethods.Enrolled, "{}")).GetProperty("error").GetProperty("code").GetInt32().ShouldBe(LinkErrors.Forbidden);
        await Should.ThrowAsync<WebSocketException>(() => host.DialAsync(offered));
    }

    [Fact]
    public async Task A_vm_that_is_forgotten_by_another_process_loses_its_link_and_enrols_again()
    {
        await using var host = await AloneHost.StartAsync();
        var token = await host.EnrolAsync();
        var (agent, _) = await host.LinkAsync(token);
        using (agent)
        {
            var uid = (await host.VmAsync())["metadata"]!["uid"]!.GetValue<string>();
            using (var beside = host.OpenBeside())
            {
                beside.Remove(Web).ShouldNotBeNull();
                beside.Remove(Web).ShouldBeNull();
            }

            (await agent.GoodbyeAsync()).ShouldContain("PolicyViolation");
            await Should.ThrowAsync<WebSocketException>(() => host.DialAsync(token));
            var again = await host.EnrolAsync();
            again.ShouldNotBe(token);
            (await host.VmAsync())["metadata"]!["uid"]!.GetValue<string>().ShouldNotBe(uid);
        }
    }

    /// <summary>What proves a VM is its token: the pod or container that it is in may be another each time.</summary>
    [Fact]
    public async Task A_vm_in_another_pod_is_the_same_vm()
    {
        await using var host = await AloneHost.StartAsync();
        var token = await host.EnrolAsync();
        foreach (var pod in new[] { "pod-1", "pod-2" })
        {
            var (agent, welcome) = await host.LinkAsync(token, uid: pod);
            agent.Dispose();
            welcome.GetProperty("protocol").GetInt32().ShouldBe(1);
        }
    }

    [Fact]
    public async Task What_enrols_is_good_for_nothing_else()
    {
        await using var host = await AloneHost.StartAsync();
        using var agent = await host.DialAsync(host.EnrolmentToken);
        (await agent.TransitionAsync(1, Contracts.VmPhase.Running)).GetProperty("error").GetProperty("code").GetInt32().ShouldBe(LinkErrors.InvalidRequest);
        (await agent.AskAsync(LinkMethods.Enrolled, "{}")).GetProperty("error").GetProperty("code").GetInt32().ShouldBe(LinkErrors.InvalidRequest);
        (await agent.HelloAsync("", enrols: false)).GetProperty("error").GetProperty("message").GetString()!.ShouldContain("run a newer one");
        (await host.GetAsync(AloneHost.Vmis))["items"]!.AsArray().ShouldBeEmpty();
        using var client = host.Client(host.EnrolmentToken);
        (await client.GetAsync(new Uri(AloneHost.Vmis, UriKind.Relative))).StatusCode.ShouldBe(System.Net.HttpStatusCode.Unauthorized);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Web")]
    [InlineData("-web")]
    [InlineData("web\n")]
    [InlineData("../web")]
    [InlineData("a234567890123456789012345678901234567890123456789012345678901234")]
    public async Task Names_are_dns_labels(string name)
    {
        await using var host = await AloneHost.StartAsync();
        using var agent = await host.DialAsync(host.EnrolmentToken);
        (await agent.HelloAsync("", enrols: true, name: name)).GetProperty("error").GetProperty("message").GetString()!.ShouldContain("set POD_NAMESPACE and VM_NAME");
    }

    [Fact]
    public async Task The_list_of_a_coordinator_that_runs_follows_what_another_process_forgets()
    {
        await using var host = await AloneHost.StartAsync();
        await host.EnrolAsync();
        using (var beside = host.OpenBeside())
        {
            beside.Remove(Web);
        }

        await Until.TrueAsync(async () => (await host.GetAsync(AloneHost.Vmis))["items"]!.AsArray().Count == 0);
    }
}
