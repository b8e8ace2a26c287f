using System.CommandLine;
using System.Globalization;
using System.Net.Sockets;
using KvmAgent.Settings;
using KvmAgent.Status;

namespace KvmAgent.Commands;

/// <summary><c>kvm-agent probe live|ready</c>: for people; the kubelet's probes are files (<see cref="ProbeFiles"/>).</summary>
internal static class ProbeCommand
{
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(3);

    public static Command Create()
    {
        var tcp = new Option<int?>("--tcp") { Description = "Also ask this TCP port of the guest." };
        var ready = new Command("ready", "Exit with 0 where the guest has its lease and its guest agent, if any, answers.") { tcp };
        ready.SetAction((arguments, cancel) => CommandLine.GuardAsync(() => ReadyAsync(arguments.GetValue(tcp), cancel)));
        var live = new Command("live", "Exit with 0 where the agent answers and has not failed.");
        live.SetAction((_, _) => CommandLine.GuardAsync(LiveAsync));
        return new Command("probe", "Say whether the VM is live or ready.") { live, ready };
    }

    private static async Task<int> LiveAsync()
    {
        var status = await ControlClient.StatusAsync(RunDir()).ConfigureAwait(false);
        Console.WriteLine(status.Phase);
        return 0;
    }

    private static async Task<int> ReadyAsync(int? port, CancellationToken cancel)
    {
        var status = await ControlClient.StatusAsync(RunDir()).ConfigureAwait(false);
        if (!status.Ready)
        {
            var why = status.Network is { LeaseGiven: false } ? "the guest has not asked for its lease" : "its guest agent does not answer";
            throw new AgentException(FailureReason.TryAgain, $"not ready: {status.Phase}{(status.Phase == Contracts.VmPhase.Running ? $", {why}" : "")}");
        }

        if (port is { } number)
        {
            await ConnectAsync(status.Network!.GuestIp, number, cancel).ConfigureAwait(false);
        }

        Console.WriteLine("ready");
        return 0;
    }

    private static async Task ConnectAsync(string address, int port, CancellationToken cancel)
    {
        using var client = new TcpClient();
        using var limit = new CancellationTokenSource(ConnectLimit, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            await client.ConnectAsync(address, port, either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            throw new AgentException(
                FailureReason.TryAgain, $"not ready: the guest's TCP port {port.ToString(CultureInfo.InvariantCulture)} does not answer: {e.Message}", e);
        }
    }

    private static string RunDir() => VmSettingsReader.RunDir(CommandLine.Environment());
}
