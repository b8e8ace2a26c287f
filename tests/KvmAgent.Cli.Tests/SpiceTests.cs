using System.Net;
using System.Net.Sockets;

namespace KvmAgent.Cli.Tests;

/// <summary>What is said where there is no SPICE screen to be had; the screen itself is for HostTests, which have a real one.</summary>
public sealed class SpiceTests : OfRunningMachine
{
    [Fact]
    public async Task A_machine_without_one_says_how_it_gets_one()
    {
        using var spice = Kvmctl.Start("vm", "spice", "shop/web", "--once");
        await spice.SaysAsync("\n");
        var address = new Uri(spice.Output.Trim());
        using var viewer = new TcpClient();
        await viewer.ConnectAsync(IPAddress.Loopback, address.Port);

        var run = await spice.EndAsync();

        address.Scheme.ShouldBe("spice");
        run.ExitCode.ShouldBe(75, run.Error);
        run.Error.ShouldContain("the screen of shop/web cannot be had: ");
        run.Error.ShouldContain("VM_DISPLAY=spice");
    }

    [Fact]
    public async Task A_machine_that_is_not_there_is_told_before_anybody_waits()
    {
        var run = await Kvmctl.RunAsync("vm", "spice", "shop/none");
        run.ExitCode.ShouldBe(69, run.Error + run.Output);
        run.Error.ShouldContain("machine shop/none not found");
    }
}
