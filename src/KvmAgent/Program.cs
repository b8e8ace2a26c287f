using System.CommandLine;
using KvmAgent;
using KvmAgent.Commands;

var root = new RootCommand("Runs one virtual machine as a pod.")
{
    RunCommand.Create(),
    StatusCommand.Create(),
    StartCommand.Create(),
    ProbeCommand.Create(),
    ConsoleCommand.Create(),
    MetricsCommand.Create(),
    PlanCommand.Create(),
    CheckCommand.Create(),
    InspectCommand.Create(),
    ImportCommand.Create(),
    ConvertCommand.Create(),
};
var command = root.Parse(args);
// Signals are the run command's own business: the library would end the process two seconds after SIGTERM, with the guest still stopping.
var code = await command.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
return command.Errors.Count > 0 ? (int)FailureReason.Settings : code;
