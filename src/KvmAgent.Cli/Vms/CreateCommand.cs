using System.CommandLine;
using System.Text.Json.Nodes;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;
using KvmAgent.Kubernetes;

namespace KvmAgent.Cli.Vms;

/// <summary><c>kvmctl vm create -f</c>: of a manifest, in YAML or JSON, with one machine or several.</summary>
internal static class CreateCommand
{
    public static Command Create()
    {
        var file = new Option<string>("--filename", "-f") { Description = "A manifest with VirtualMachines in YAML or JSON, or - for the standard input.", Required = true };
        var command = new Command("create", "Make virtual machines of a manifest.") { file };
        command.Guard(async (result, cancel) =>
        {
            var manifests = await ReadAsync(result.GetValue(file)!, cancel).ConfigureAwait(false);
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            foreach (var manifest in manifests)
            {
                if (result.GetValue(VmTargetOptions.Namespace) is { } ns && manifest["metadata"] is JsonObject metadata)
                {
                    metadata["namespace"] = metadata["namespace"] is not { } own || own.ToString() == ns ? ns
                        : throw new CliException(ExitCodes.Usage, $"{metadata["name"]} is in namespace {own}, and --namespace says {ns}; give one of them");
                }

                var answer = await client.PostAsync(
                    "/kubevirt/vms", new VmCreateRequest(manifest) { Provider = result.GetValue(VmTargetOptions.Provider) }, RestJson.Default.VmCreateRequest, RestJson.Default.VmAnswer, cancel).ConfigureAwait(false);
                await Printer.Of(result).DoneAsync(answer).ConfigureAwait(false);
            }
        });
        return command;
    }

    private static async Task<IReadOnlyList<JsonObject>> ReadAsync(string file, CancellationToken cancel)
    {
        using var reader = new StringReader(await Files.ReadAsync("--filename", file, cancel).ConfigureAwait(false));
        try
        {
            var manifests = YamlDocuments.Read(reader);
            return manifests is [_, ..] && manifests.All(static m => m is JsonObject) ? [.. manifests.Cast<JsonObject>()]
                : throw new CliException(ExitCodes.Data, $"{file} has no manifest; give one with a VirtualMachine");
        }
        catch (FormatException e)
        {
            throw new CliException(ExitCodes.Data, $"{file} is neither YAML nor JSON: {e.Message}", e);
        }
    }
}
