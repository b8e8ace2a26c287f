using System.CommandLine;
using System.Text.Json;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Vms;

/// <summary><c>kvmctl vm list</c>: all pages of it.</summary>
internal static class ListCommand
{
    public static Command Create()
    {
        var labels = new Option<string?>("--selector", "-l") { Description = "Labels that they have: key=value, by commas." };
        var search = new Option<string?>("--search") { Description = "A part of the name, of the namespace or of an address." };
        var power = new Option<string?>("--power-state") { Description = "running, paused, starting, stopping, stopped, failed or unknown." };
        var command = new Command("list", "List virtual machines.") { VmTargetOptions.AllNamespaces, labels, search, power };
        command.Aliases.Add("ls");
        command.Guard(async (result, cancel) =>
        {
            var request = VmTable.Request(result) with
            {
                Labels = Labels(result.GetValue(labels)),
                Search = result.GetValue(search),
                PowerState = result.GetValue(power),
            };
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var list = await VmTable.AllAsync(client, request, cancel).ConfigureAwait(false);
            await Printer.Of(result).ListAsync(
                list.Vms,
                JsonSerializer.SerializeToNode(list, RestJson.Default.VmList)!,
                static vm => vm.Id,
                VmTable.Columns(request, () => list.Timestamp),
                VmTable.Nothing(request)).ConfigureAwait(false);
        });
        return command;
    }

    private static Dictionary<string, string>? Labels(string? text)
    {
        if (text is null)
        {
            return null;
        }

        var labels = new Dictionary<string, string>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            labels[part.Split('=')[0]] = part.Split('=') is [{ Length: > 0 }, var value] ? value
                : throw new CliException(ExitCodes.Usage, $"--selector {part} is no label; write key=value");
        }

        return labels;
    }
}
