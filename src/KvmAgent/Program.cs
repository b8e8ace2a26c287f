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
};
return await root.Parse(args).InvokeAsync();
