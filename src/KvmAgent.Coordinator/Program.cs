using System.CommandLine;
using KvmAgent.Coordinator.Commands;

var root = new RootCommand("The cluster's face of KvmAgent: KubeVirt's objects become pods that are VMs.")
{
    ServeCommand.Create(),
    AloneCommand.Create(),
    ForgetCommand.Create(),
    CrdsCommand.Create(),
};
var command = root.Parse(args);
// Signals are the commands' own business.
var code = await command.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
return command.Errors.Count > 0 ? CommandLine.WrongArguments : code;
