using System.CommandLine;
using KvmAgent.Coordinator.Commands;

var root = new RootCommand("The cluster's face of KvmAgent: KubeVirt's objects become pods that are VMs.")
{
    ServeCommand.Create(),
    AloneCommand.Create(),
    ForgetCommand.Create(),
    CrdsCommand.Create(),
};
// Signals are the commands' own business.
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
