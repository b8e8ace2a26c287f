using System.CommandLine;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Streams;

namespace KvmAgent.Cli.Vms;

/// <summary><c>kvmctl vm console</c>: the guest's serial console on this terminal.</summary>
internal static class ConsoleCommand
{
    public static Command Create()
    {
        var command = new Command("console", "Attach to a guest's serial console; Ctrl-] leaves it. Pipes work too: it ends when the input has and nothing more comes.") { VmTarget.Argument, VmTargetOptions.TakeOver };
        command.Guard(async (result, cancel) =>
        {
            var target = VmTarget.Of(result);
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            using var socket = await MachineSocket.DialAsync(client, target, MachineSocket.Console, result.GetValue(VmTargetOptions.TakeOver), cancel).ConfigureAwait(false);
            await ConsoleSession.RunAsync(socket, result.InvocationConfiguration.Error, TimeProvider.System, cancel).ConfigureAwait(false);
        });
        return command;
    }
}
