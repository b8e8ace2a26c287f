using System.CommandLine;
using KvmAgent.Commands;

var root = new RootCommand("Runs one virtual machine as a pod.")
{
    RunCommand.Create(),
};
return await root.Parse(args).InvokeAsync();
