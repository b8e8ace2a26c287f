using System.CommandLine;
using KvmAgent.Settings;
using KvmAgent.Status;

namespace KvmAgent.Commands;

/// <summary><c>kvm-agent metrics</c>: OpenMetrics text.</summary>
internal static class MetricsCommand
{
    public static Command Create()
    {
        var command = new Command("metrics", "Print the VM's state as OpenMetrics text.");
        command.SetAction((_, _) => CommandLine.GuardAsync(async () =>
        {
            var directory = VmSettingsReader.RunDir(CommandLine.Environment());
            var status = await ControlClient.StatusAsync(directory).ConfigureAwait(false);
            Console.Write(OpenMetrics.Render(status, await ControlClient.UsageAsync(directory).ConfigureAwait(false)));
            return 0;
        }));
        return command;
    }
}
