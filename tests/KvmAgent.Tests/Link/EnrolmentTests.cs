using System.Text.Json;
using KvmAgent.Contracts.Link;

namespace KvmAgent.Tests.Link;

/// <summary>The agent's end of enrolling: whose token it shows, what it keeps, and what it does where a token is refused.</summary>
public sealed class EnrolmentTests
{
    private const string Welcome = """{"protocol":1,"heartbeatSeconds":60,"acknowledged":null,"token":"own-token"}""";

    [Fact]
    public async Task A_token_that_is_given_is_kept_confirmed_and_used_from_then_on()
    {
        using var coordinator = CoordinatorDouble.Listen();
        await using var agent = new LinkedAgent(coordinator.Port, "127.0.0.1");
        using (var enrolling = await coordinator.NextAsync())
        {
            enrolling.Authorization.ShouldBe("Bearer first");
            var hello = await enrolling.ReceiveAsync(LinkMethods.Hello);
            hello.GetProperty("params").Deserialize(LinkJson.Default.LinkHello)!.Enrols.ShouldBeTrue();
            await enrolling.AnswerAsync(hello, Welcome);
            var enrolled = await enrolling.ReceiveAsync(LinkMethods.Enrolled);
            // What is confirmed is kept already.
            (await File.ReadAllTextAsync(agent.OwnToken)).ShouldBe("default/web-1 own-token\n");
            File.GetUnixFileMode(agent.OwnToken).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
            await enrolling.AnswerAsync(enrolled);
        }

        using var link = await coordinator.NextLinkAsync();
        link.Authorization.ShouldBe("Bearer own-token");
        (await link.TakeAsync(LinkMethods.Transition)).GetProperty("phase").GetString().ShouldBe("Preparing");
        agent.Lines.ShouldContain("enrolled with the coordinator at 127.0.0.1; the VM has a token of its own now");
    }

    [Fact]
    public async Task A_confirmation_that_is_lost_loses_no_token()
    {
        using var coordinator = CoordinatorDouble.Listen();
        await using var agent = new LinkedAgent(coordinator.Port, "127.0.0.1");
        using (var enrolling = await coordinator.NextAsync())
        {
            await enrolling.AnswerAsync(await enrolling.ReceiveAsync(LinkMethods.Hello), Welcome);
            await enrolling.ReceiveAsync(LinkMethods.Enrolled);
        }

        using var link = await coordinator.NextAsync();
        link.Authorization.ShouldBe("Bearer own-token");
    }

    /// <summary>The coordinator has lost what it knew, or has forgotten the VM: the token that enrols may help.</summary>
    [Fact]
    public async Task Where_the_own_token_is_refused_the_shared_one_is_tried()
    {
        using var coordinator = CoordinatorDouble.Listen();
        coordinator.Accepts = static authorization => authorization == "Bearer first";
        coordinator.Refusal = (401, "Bearer error=\"invalid_token\"");
        await using var agent = new LinkedAgent(coordinator.Port, "127.0.0.1");
        agent.Enrolment.Keep("forgotten");
        using var link = await coordinator.NextAsync();
        link.Authorization.ShouldBe("Bearer first");
    }

    [Fact]
    public async Task A_token_of_a_vm_of_another_name_is_not_shown()
    {
        using var coordinator = CoordinatorDouble.Listen();
        await using var agent = new LinkedAgent(coordinator.Port, "127.0.0.1");
        await File.WriteAllTextAsync(agent.OwnToken, "default/web-2 stolen\n");
        agent.Enrolment.ReadToken().ShouldBeNull();
        await File.WriteAllTextAsync(agent.OwnToken, "cut");
        agent.Enrolment.ReadToken().ShouldBeNull();
    }

    [Fact]
    public async Task A_refusal_to_enrol_is_told_with_its_remedy()
    {
        using var coordinator = CoordinatorDouble.Listen();
        await using var agent = new LinkedAgent(coordinator.Port, "127.0.0.1");
        using var enrolling = await coordinator.NextAsync();
        var hello = await enrolling.ReceiveAsync(LinkMethods.Hello);
        await enrolling.SendAsync($$$"""{"jsonrpc":"2.0","id":{{{hello.GetProperty("id")}}},"error":{"code":-32006,"message":"taken; run `kvm-coordinator forget default/web-1`"}}""");
        using var again = await coordinator.NextAsync();
        agent.Lines.ShouldContain(static l => l.EndsWith("taken; run `kvm-coordinator forget default/web-1`; the VM goes on without it", StringComparison.Ordinal));
        File.Exists(agent.OwnToken).ShouldBeFalse();
    }
}
