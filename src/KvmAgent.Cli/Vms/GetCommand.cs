using System.CommandLine;
using System.Text.Json;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Vms;

/// <summary><c>kvmctl vm get</c>: everything of a machine.</summary>
internal static class GetCommand
{
    public static Command Create()
    {
        var command = new Command("get", "Show everything of a virtual machine, in YAML or JSON.") { VmTarget.Argument };
        command.Guard(async (result, cancel) =>
        {
            var target = VmTarget.Of(result);
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var details = await client.GetAsync(target.Path + target.ProviderQuery, RestJson.Default.VmDetails, cancel).ConfigureAwait(false);
            await Printer.Of(result).ObjectAsync(details.Vm.Id, JsonSerializer.SerializeToNode(details, RestJson.Default.VmDetails)!).ConfigureAwait(false);
        });
        return command;
    }
}
