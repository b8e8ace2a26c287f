using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;
using KvmAgent.Kubernetes;

namespace KvmAgent.Cli.Vms;

/// <summary><c>kvmctl vm create</c>: of manifests in YAML or JSON, or of a template and its parameters.</summary>
internal static class CreateCommand
{
    private static readonly Option<string?> File = new("--filename", "-f") { Description = "VirtualMachines, or a Template of OpenShift's, in YAML or JSON; - for the standard input." };

    private static readonly Option<string?> Template = new("--template") { Description = "A Template in the cluster: NAMESPACE/NAME." };

    private static readonly Option<string[]> Parameters = new("--param", "-p") { Description = "A template's parameter: NAME=VALUE. With it a VirtualMachine is a template, too.", HelpName = "NAME=VALUE" };

    private static readonly Option<string?> ParameterFile = new("--param-file") { Description = "A file with a NAME=VALUE in each line, or -: for values that are secrets." };

    private static readonly Option<bool> OnlyParameters = new("--parameters") { Description = "Make nothing: list the parameters that the template takes." };

    public static Command Create()
    {
        var command = new Command("create", "Make virtual machines of a manifest or a template.") { File, Template, Parameters, ParameterFile, OnlyParameters };
        command.Guard(async (result, cancel) =>
        {
            var sources = await SourcesAsync(result, cancel).ConfigureAwait(false);
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            foreach (var source in sources)
            {
                if (result.GetValue(OnlyParameters))
                {
                    await ListParametersAsync(result, client, source, cancel).ConfigureAwait(false);
                    continue;
                }

                var answer = await client.PostAsync("/kubevirt/vms", source, RestJson.Default.VmCreateRequest, RestJson.Default.VmAnswer, cancel).ConfigureAwait(false);
                await Printer.Of(result).DoneAsync(answer).ConfigureAwait(false);
            }
        });
        return command;
    }

    private static async Task ListParametersAsync(ParseResult result, ManagementClient client, VmCreateRequest source, CancellationToken cancel)
    {
        var request = new TemplateRequest { Template = source.Template ?? source.Manifest, TemplateName = source.TemplateName, Provider = source.Provider };
        var list = await client.PostAsync("/kubevirt/templates/parameters", request, RestJson.Default.TemplateRequest, RestJson.Default.TemplateParameterList, cancel).ConfigureAwait(false);
        await Printer.Of(result).ListAsync(
            list.Parameters, JsonSerializer.SerializeToNode(list, RestJson.Default.TemplateParameterList)!, static p => p.Name, Columns, "it takes no parameters").ConfigureAwait(false);
    }

    private static async Task<IReadOnlyList<VmCreateRequest>> SourcesAsync(ParseResult result, CancellationToken cancel)
    {
        var (file, name) = (result.GetValue(File), result.GetValue(Template));
        if (file is null == name is null)
        {
            throw new CliException(ExitCodes.Usage, file is null ? "there is nothing to make; give --filename, or --template" : "--filename and --template exclude one another; give one of them");
        }

        var parameters = await TemplateParameters.ReadAsync(result.GetValue(Parameters) ?? [], result.GetValue(ParameterFile), file, cancel).ConfigureAwait(false);
        var request = new VmCreateRequest { Namespace = result.GetValue(VmTargetOptions.Namespace), Provider = result.GetValue(VmTargetOptions.Provider), Parameters = parameters };
        if (file is null)
        {
            return [request with { TemplateName = name }];
        }

        var documents = await ReadAsync(file, cancel).ConfigureAwait(false);
        return parameters is not null && documents.Count > 1
            ? throw new CliException(ExitCodes.Usage, $"{file} has {documents.Count} documents, and parameters are for one template; give them one by one")
            : [.. documents.Select(json => parameters is not null || json["kind"]?.ToString() == "Template" ? request with { Template = json } : request with { Manifest = json })];
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

    private static IReadOnlyList<Column<TemplateParameterSummary>> Columns =>
    [
        new("NAME", static p => p.Name),
        new("REQUIRED", static p => p.Required ? "True" : "False"),
        new("VALUE", static p => p.Value ?? (p.Generated ? "(generated)" : "")),
        new("DESCRIPTION", static p => p.Description ?? p.DisplayName ?? ""),
    ];
}
