using System.CommandLine;
using System.Text.Json;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;
using Spectre.Console;

namespace KvmAgent.Cli.Providers;

/// <summary><c>kvmctl provider list</c>.</summary>
internal static class ProviderListCommand
{
    public static Command Create()
    {
        var command = new Command("list", "List providers, and how they are.");
        command.Aliases.Add("ls");
        command.Guard(async (result, cancel) =>
        {
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var list = await client.PostAsync(
                "/kubevirt/providers/list", new ProviderListRequest(), RestJson.Default.ProviderListRequest, RestJson.Default.ProviderList, cancel).ConfigureAwait(false);
            await Printer.Of(result).ListAsync(
                list.Providers, JsonSerializer.SerializeToNode(list, RestJson.Default.ProviderList)!, static p => p.Name, Columns(list.Timestamp), "there are no providers").ConfigureAwait(false);
        });
        return command;
    }

    private static IReadOnlyList<Column<ProviderSummary>> Columns(DateTimeOffset now) =>
    [
        new("NAME", static p => p.Name),
        new("STATE", static p => p.State, Style: static p => p.State == ProviderStates.Connected ? Color.Green : Color.Red),
        new("CREDENTIAL", static p => p.Credential ?? ""),
        new("SERVER", static p => (p.Server ?? "") + (p.Insecure ? " (not verified)" : "")),
        new("NAMESPACE", static p => (p.Namespace ?? "") + (p.AllNamespaces ? "" : " alone")),
        new("VERSION", static p => p.Version ?? ""),
        new("AGE", p => Shown.Age(p.AddedAt, now)),
        new("CONTEXT", static p => p.Context ?? "", Wide: true),
        new("STORAGE-CLASS", static p => p.StorageClass ?? "", Wide: true),
        new("MESSAGE", static p => p.Message ?? "", Wide: true),
    ];
}
