using System.CommandLine;
using System.Text.Json;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;
using Spectre.Console;

namespace KvmAgent.Cli.Vms;

/// <summary><c>kvmctl vm refresh</c>: has machines, or one, read from the cluster anew, and shows what was known otherwise.</summary>
internal static class RefreshCommand
{
    public static Command Create()
    {
        var vm = new Argument<string?>("vm") { Description = "NAME, or NAMESPACE/NAME; without it all are read.", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("refresh", "Read virtual machines from the cluster anew, and show what was known otherwise.") { vm, VmTargetOptions.AllNamespaces };
        command.Guard(async (result, cancel) =>
        {
            var (name, scope) = (result.GetValue(vm), VmTable.Request(result));
            if (name is not null && scope.AllNamespaces)
            {
                throw new CliException(ExitCodes.Usage, $"\"{name}\" and --all-namespaces exclude one another; give one of them");
            }

            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var answer = await (name is null ? AllAsync(client, scope, cancel) : OneAsync(client, VmTarget.Of(name, scope.Namespace, scope.Provider), cancel)).ConfigureAwait(false);
            await Printer.Of(result).ListAsync(
                answer.Differences, JsonSerializer.SerializeToNode(answer, RestJson.Default.RefreshAnswer)!, static d => d.Vm.Id, Columns, "all was as it was known").ConfigureAwait(false);
        });
        return command;
    }

    private static Task<RefreshAnswer> AllAsync(ManagementClient client, VmListRequest scope, CancellationToken cancel) => client.PostAsync(
        "/kubevirt/refresh",
        new RefreshRequest { Provider = scope.Provider, Namespace = scope.Namespace, AllNamespaces = scope.AllNamespaces },
        RestJson.Default.RefreshRequest,
        RestJson.Default.RefreshAnswer,
        cancel);

    private static Task<RefreshAnswer> OneAsync(ManagementClient client, VmTarget target, CancellationToken cancel) =>
        client.PostAsync($"{target.Path}/refresh{target.ProviderQuery}", RestJson.Default.RefreshAnswer, cancel);

    private static IReadOnlyList<Column<VmDifference>> Columns =>
    [
        new("NAMESPACE", static d => d.Vm.Namespace),
        new("NAME", static d => d.Vm.Name),
        new("DIFFERENCE", static d => d.Type, Style: static d => d.Type == VmDifference.Removed ? Color.Red : Color.Yellow),
        new("STATUS", static d => d.Vm.Status),
        new("FIELDS", static d => string.Join(",", d.Fields)),
    ];
}
