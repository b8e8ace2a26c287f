using System.CommandLine;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Vms;

/// <summary><c>kvmctl vm delete</c>.</summary>
internal static class DeleteCommand
{
    public static Command Create()
    {
        var command = new Command("delete", "Delete a virtual machine, and what was made for it.") { VmTarget.Argument };
        command.Guard(async (result, cancel) =>
        {
            var target = VmTarget.Of(result);
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var answer = await client.DeleteAsync(target.Path + target.ProviderQuery, RestJson.Default.VmAnswer, cancel).ConfigureAwait(false);
            await Printer.Of(result).DoneAsync(answer).ConfigureAwait(false);
        });
        return command;
    }
}
