using System.CommandLine;
using KvmAgent.Qemu;
using KvmAgent.Settings;

namespace KvmAgent.Commands;

/// <summary><c>kvm-agent console</c>: the guest's serial console on this terminal.</summary>
internal static class ConsoleCommand
{
    public static Command Create()
    {
        var command = new Command("console", "Attach to the guest's serial console; Ctrl-] leaves it.");
        command.SetAction((_, cancel) => CommandLine.GuardAsync(async () =>
        {
            var path = Path.Combine(VmSettingsReader.RunDir(CommandLine.Environment()), "console.sock");
            await ConsoleClient.RunAsync(path, ConsoleClient.UsualQuiet, TimeProvider.System, cancel).ConfigureAwait(false);
            return 0;
        }));
        return command;
    }
}
