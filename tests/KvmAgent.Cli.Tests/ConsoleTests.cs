using KvmAgent.Coordinator.Tests.Rest;

namespace KvmAgent.Cli.Tests;

/// <summary>Serial consoles that say what they are told, through API server, coordinator and link.</summary>
public sealed class ConsoleTests : OfRunningMachine
{
    private const string Escape = "\x1d";

    [Fact]
    public async Task A_pipes_bytes_go_through_and_what_comes_of_them_comes_before_the_end()
    {
        var text = $"{Escape}\0\n{string.Concat(Enumerable.Range(0, 20_000).Select(static i => $"{i}\n"))}";
        var run = await Kvmctl.RunWithAsync(text, "vm", "console", "shop/web");
        (run.ExitCode, run.Error).ShouldBe((0, ""));
        (run.Output == text).ShouldBeTrue($"{run.Output.Length} of {text.Length} characters came");
    }

    [Theory]
    [InlineData("leaves")]
    [InlineData("is killed")]
    [InlineData("is taken from")]
    public async Task A_terminal_is_raw_and_put_back_when_one(string how)
    {
        using var console = Kvmctl.StartInTerminal("stty -a; sh -c 'echo $$ >$HOME/pid; exec $KVMCTL vm console shop/web'; echo \"ended=$?\"; stty -a");
        await console.SaysAsync("[Ctrl-] leaves the console]");
        // What would stop, end or change its line here goes to the guest: its echo is what is seen, once.
        await console.TypeAsync("\x03\x04\x1a-typed\r");
        await console.SaysAsync("\x03\x04\x1a-typed\r");
        var code = 0;
        switch (how)
        {
            case "leaves":
                await console.TypeAsync("last" + Escape + "not sent");
                await console.SaysAsync("[left the console]");
                break;
            case "is killed":
                Kvmctl.Signal(15);
                break;
            default:
                using (var other = Kvmctl.Start("vm", "console", "shop/web", "--take-over"))
                {
                    await console.SaysAsync("was taken over by another client; --take-over takes it back");
                    await other.TypeAsync("mine");
                    await other.SaysAsync("mine");
                }

                code = 75;
                break;
        }

        await console.SaysAsync($"ended={code}\r\n");
        await console.EndAsync();
        var modes = console.Output.Split("ended=")[1].Split('\n', 2)[1];
        modes.Trim().ShouldBe(console.Output[..modes.Length].Trim());
        modes.ShouldContain(" icanon ");
    }

    [Fact]
    public async Task Why_there_is_none_is_told_by_words_and_exit_code()
    {
        using (var first = Kvmctl.Start("vm", "console", "shop/web"))
        {
            await first.TypeAsync("here");
            await first.SaysAsync("here");
            await FailsAsync(75, "the console of shop/web is in use; --take-over takes it from who has it", "shop/web");
            await first.TypeAsync(" still");
            await first.SaysAsync("here still");
            first.EndInput();
            (await first.EndAsync()).ExitCode.ShouldBe(0);
        }

        (await Kvmctl.RunWithAsync("again", "vm", "console", "web", "-n", "shop")).Output.ShouldBe("again");
        Management.Cluster.Apply("off", "Halted");
        await Management.ShownAsync("off", "stopped");
        await FailsAsync(69, "the console of shop/off cannot be had: ", "shop/off");
        await FailsAsync(69, "provider \"mars\" not found", "shop/web", "--provider", "mars");
        Kvmctl.LogIn(Management.Address, Management.Authority, ManagementCluster.Jane);
        await FailsAsync(77, "forbidden", "shop/web");
        Kvmctl.LogIn(Management.Address, Management.Authority, "guessed");
        await FailsAsync(77, "the token is wrong or has expired", "shop/web");
    }

    private async Task FailsAsync(int code, string why, params string[] arguments)
    {
        var run = await Kvmctl.RunAsync(["vm", "console", .. arguments]);
        run.ExitCode.ShouldBe(code, run.Error + run.Output);
        run.Error.ShouldContain(why);
        run.Error.ShouldStartWith("kvmctl: ");
        run.Output.ShouldBeEmpty();
    }
}
