using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KvmAgent.Cli.Tests;

/// <summary>Screens that say what they are told, and viewers of them.</summary>
public sealed class VncTests : OfRunningMachine
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Viewers_have_the_screen_one_after_the_other_until_Ctrl_C()
    {
        using var vnc = Kvmctl.Start("vm", "vnc", "shop/web");
        await vnc.SaysAsync("\n");
        var address = IPEndPoint.Parse(vnc.Output.Trim());
        address.Address.ShouldBe(IPAddress.Loopback);
        using (var first = await ViewAsync(address))
        using (var second = await ViewAsync(address))
        {
            await EchoesAsync(first, new string('x', 300_000));
            second.Available.ShouldBe(0);
            using var other = Kvmctl.Start("vm", "vnc", "shop/web", "--once");
            await other.SaysAsync("\n");
            using (await ViewAsync(IPEndPoint.Parse(other.Output.Trim())))
            {
                (await other.EndAsync()).ShouldSatisfyAllConditions(
                    r => r.ExitCode.ShouldBe(75), r => r.Error.ShouldContain("the screen of shop/web is in use; --take-over takes it from who has it"));
            }

            await EchoesAsync(first, "still");
            first.Client.Shutdown(SocketShutdown.Both);
            await EchoesAsync(second, "now");
            vnc.Signal(2);
            (await vnc.EndAsync()).ShouldSatisfyAllConditions(r => r.ExitCode.ShouldBe(0), r => r.Error.ShouldBeEmpty());
        }
    }

    [Fact]
    public async Task Once_ends_with_the_viewer_and_a_screen_can_be_taken_over()
    {
        using var first = Kvmctl.Start("vm", "vnc", "shop/web");
        await first.SaysAsync("\n");
        using var one = await ViewAsync(IPEndPoint.Parse(first.Output.Trim()));
        await EchoesAsync(one, "one");
        using var second = Kvmctl.Start("vm", "vnc", "shop/web", "--once", "--take-over");
        await second.SaysAsync("\n");
        using (var other = await ViewAsync(IPEndPoint.Parse(second.Output.Trim())))
        {
            await EchoesAsync(other, "other");
            await first.SaysAsync(static r => r.Error.Contains("the screen of shop/web was taken over by another client", StringComparison.Ordinal), "that it is taken over");
            (await one.GetStream().ReadAsync(new byte[1]).AsTask().WaitAsync(Limit)).ShouldBe(0);
        }

        (await second.EndAsync()).ShouldSatisfyAllConditions(r => r.ExitCode.ShouldBe(0), r => r.Error.ShouldBeEmpty());
    }

    [Fact]
    public async Task The_web_consoles_address_is_told_and_what_is_wrong()
    {
        (await Kvmctl.DoAsync("vm", "vnc", "web", "-n", "shop", "--web")).ShouldBe($"{Management.Address.GetLeftPart(UriPartial.Authority)}/#/vms/local/shop/web/screen\n");
        await FailsAsync(69, "machine shop/none not found", "shop/none");
        await FailsAsync(69, "machine shop/none not found", "shop/none", "--web");
        await FailsAsync(64, "--port 65536 is none; give 0 to 65535", "shop/web", "--port", "65536");
        await FailsAsync(69, "provider \"none\" not found", "shop/web", "--web", "--provider", "none");
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        await FailsAsync(75, "Address already in use; give another, or 0 for any that is free", "shop/web", "--port", $"{((IPEndPoint)taken.LocalEndpoint).Port}");
    }

    private async Task FailsAsync(int code, string why, params string[] arguments)
    {
        var run = await Kvmctl.RunAsync(["vm", "vnc", .. arguments]);
        run.ExitCode.ShouldBe(code, run.Error + run.Output);
        run.Error.ShouldContain(why);
    }

    private static async Task<TcpClient> ViewAsync(IPEndPoint address)
    {
        var viewer = new TcpClient();
        await viewer.ConnectAsync(address);
        return viewer;
    }

    private static async Task EchoesAsync(TcpClient viewer, string text)
    {
        var sending = viewer.GetStream().WriteAsync(Encoding.ASCII.GetBytes(text));
        var buffer = new byte[text.Length];
        await viewer.GetStream().ReadExactlyAsync(buffer).AsTask().WaitAsync(Limit);
        await sending;
        Encoding.ASCII.GetString(buffer).ShouldBe(text);
    }
}
