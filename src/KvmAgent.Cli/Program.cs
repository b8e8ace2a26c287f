using System.CommandLine;
using KvmAgent.Cli;
using KvmAgent.Cli.Builds;
using KvmAgent.Cli.Completion;
using KvmAgent.Cli.History;
using KvmAgent.Cli.Images;
using KvmAgent.Cli.Jobs;
using KvmAgent.Cli.Login;
using KvmAgent.Cli.Nodes;
using KvmAgent.Cli.Providers;
using KvmAgent.Cli.Vms;
using KvmAgent.Cli.Volumes;

var root = new RootCommand("Manages virtual machines by a kvm-coordinator.")
{
    VmCommand.Create(),
    ImageCommand.Create(),
    VolumeCommand.Create(),
    BuildCommand.Create(),
    HistoryCommand.Create(),
    NodeCommand.Create(),
    JobCommand.Create(),
    ProviderCommand.Create(),
    LoginCommand.Create(),
    LogoutCommand.Create(),
    CompletionCommand.Create(),
};
var command = root.Parse(args);
var code = await command.InvokeAsync();
return command.Errors.Count > 0 ? ExitCodes.Usage : code;
