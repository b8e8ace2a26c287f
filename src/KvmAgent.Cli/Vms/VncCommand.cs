using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using KvmAgent.Cli.Login;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Cli.Streams;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Vms;

/// <summary><c>kvmctl vm vnc</c>: a machine's screen for a VNC viewer on this computer, or where a browser finds it.</summary>
internal static class VncCommand
{
    public static Command Create()
    {
        var port = ScreenVerb.Port();
        var once = new Option<bool>("--once") { Description = "End when the first viewer leaves." };
        var web = new Option<bool>("--web") { Description = "Print where the web console shows it, and open that where there is a display." };
        var command = new Command("vnc", "Give a VNC viewer on this computer a machine's screen, until Ctrl-C.") { VmTarget.Argument, port, once, web, VmTargetOptions.TakeOver };
        command.Run((result, target, cancel) => result.GetValue(web)
            ? ShowAsync(result, target, cancel)
            : ListenAsync(result, target, result.GetValue(port), result.GetValue(once), cancel));
        return command;
    }

    private static async Task ListenAsync(ParseResult result, VmTarget target, int port, bool once, CancellationToken cancel)
    {
        await ScreenVerb.DemandAsync(target, cancel).ConfigureAwait(false);
        using var listener = ScreenListener.Open(port);
        await result.InvocationConfiguration.Output.WriteLineAsync(listener.EndPoint.ToString()).ConfigureAwait(false);
        do
        {
            await using var viewer = await listener.AcceptAsync(cancel).ConfigureAwait(false);
            try
            {
                // For each viewer anew: a token that a plugin makes expires.
                using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
                using var machine = await MachineSocket.DialAsync(client, target, MachineSocket.Screen, result.GetValue(VmTargetOptions.TakeOver), cancel).ConfigureAwait(false);
                await ScreenListener.PassAsync(viewer, machine, cancel).ConfigureAwait(false);
            }
            catch (CliException e) when (!once)
            {
                // The next viewer may have better luck.
                await result.InvocationConfiguration.Error.WriteLineAsync($"kvmctl: {Shown.Clean(e.Message)}").ConfigureAwait(false);
            }
        }
        while (!once);
    }

    private static async Task ShowAsync(ParseResult result, VmTarget target, CancellationToken cancel)
    {
        await ScreenVerb.DemandAsync(target, cancel).ConfigureAwait(false);
        var server = LoginFile.Read(LoginFile.Path(EnvironmentVariables.All()))!.Server.TrimEnd('/');
        var address = $"{server}/#/vms/{Uri.EscapeDataString(target.Provider ?? ProviderNames.Own)}/{Uri.EscapeDataString(target.Namespace)}/{Uri.EscapeDataString(target.Name)}/screen";
        await result.InvocationConfiguration.Output.WriteLineAsync(address).ConfigureAwait(false);
        if (!string.IsNullOrEmpty(Environment.GetEnvironmentVariable("DISPLAY")) || !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("WAYLAND_DISPLAY")))
        {
            Open(address);
        }
    }

    private static void Open(string address)
    {
        try
        {
            // It goes on in the desktop: nobody waits for it.
            Process.Start(new ProcessStartInfo("xdg-open", [address]) { RedirectStandardOutput = true, RedirectStandardError = true })?.Dispose();
        }
        catch (Win32Exception)
        {
            // The address is printed: somebody can open it.
        }
    }
}
