using System.CommandLine;
using System.Net.Sockets;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Cli.Streams;

namespace KvmAgent.Cli.Vms;

/// <summary><c>kvmctl vm spice</c>: a machine's SPICE screen for a viewer on this computer, which dials several times, once for each channel.</summary>
internal static class SpiceCommand
{
    public static Command Create()
    {
        var port = ScreenVerb.Port();
        var once = new Option<bool>("--once") { Description = "End when the viewer leaves." };
        var command = new Command("spice", "Give a SPICE viewer on this computer a machine's screen, until Ctrl-C.") { VmTarget.Argument, port, once, VmTargetOptions.TakeOver };
        command.Run((result, target, cancel) => ListenAsync(result, target, result.GetValue(port), result.GetValue(once), cancel));
        return command;
    }

    private static async Task ListenAsync(ParseResult result, VmTarget target, int port, bool once, CancellationToken cancel)
    {
        await ScreenVerb.DemandAsync(target, cancel).ConfigureAwait(false);
        using var listener = ScreenListener.Open(port);
        await result.InvocationConfiguration.Output.WriteLineAsync($"spice://{listener.EndPoint}").ConfigureAwait(false);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var (session, open) = (Guid.NewGuid().ToString("N"), new List<Task>());
        CliException? failure = null;
        var accepting = listener.AcceptAsync(end.Token);
        try
        {
            while (true)
            {
                var ended = await Task.WhenAny([accepting, .. open]).ConfigureAwait(false);
                if (ended == accepting)
                {
                    open.Add(PassAsync(await accepting.ConfigureAwait(false)));
                    accepting = listener.AcceptAsync(end.Token);
                    continue;
                }

                open.Remove(ended);
                await ended.ConfigureAwait(false);
                if (once && open.Count == 0)
                {
                    await end.CancelAsync().ConfigureAwait(false);
                    await ((Task)accepting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    break;
                }
            }
        }
        finally
        {
            await Task.WhenAll(open).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (failure is not null)
        {
            throw failure;
        }

        async Task PassAsync(NetworkStream viewer)
        {
            await using var _ = viewer.ConfigureAwait(false);
            try
            {
                // For each channel anew: a token that a plugin makes expires.
                using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
                using var machine = await MachineSocket.DialAsync(client, target, MachineSocket.Spice, result.GetValue(VmTargetOptions.TakeOver), cancel, session).ConfigureAwait(false);
                await ScreenListener.PassAsync(viewer, machine, cancel).ConfigureAwait(false);
            }
            catch (CliException e) when (once)
            {
                failure ??= e;
            }
            catch (CliException e)
            {
                // The next viewer may have better luck.
                await result.InvocationConfiguration.Error.WriteLineAsync($"kvmctl: {Shown.Clean(e.Message)}").ConfigureAwait(false);
            }
        }
    }
}
