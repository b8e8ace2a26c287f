using System.CommandLine;
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
// Signals are the run command's own business: the library would end the process two seconds after SIGTERM, with the guest still stopping.
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
