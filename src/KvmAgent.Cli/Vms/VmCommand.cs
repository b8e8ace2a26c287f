using System.CommandLine;
using KvmAgent.Cli.Output;

namespace KvmAgent.Cli.Vms;

/// <summary><c>kvmctl vm</c>: all that is done with machines.</summary>
internal static class VmCommand
{
    public static Command Create() => new("vm", "Manage virtual machines.")
    {
        ListCommand.Create(),
        GetCommand.Create(),
        WatchCommand.Create(),
        RefreshCommand.Create(),
        ConsoleCommand.Create(),
        VncCommand.Create(),
        SpiceCommand.Create(),
        EventsCommand.Create(),
        LogsCommand.Create(),
        CreateCommand.Create(),
        CloneCommand.Create(),
        PowerCommand.Start(),
        PowerCommand.Stop(),
        PowerCommand.Restart(),
        PowerCommand.Pause(),
        PowerCommand.Unpause(),
        DeleteCommand.Create(),
        VmTargetOptions.Namespace,
        VmTargetOptions.Provider,
        Printer.Option,
    };
}
