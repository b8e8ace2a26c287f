using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest.Templates;
using KvmAgent.Kubernetes;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Rest;

/// <summary>Machines of manifests, and of templates with their parameters. Both are made in the caller's name, and so a Template of the cluster is read.</summary>
internal sealed class VmMaking(ProviderSet providers, TimeProvider time)
{
    public const string TemplateParameters = "/kubevirt/templates/parameters";

    private static readonly RestJson Json = RestJson.Strict;

    public IEnumerable<RestRoute> All(string root) =>
    [
        RestRoute.Of(HttpMethods.Post, root, "Makes a machine of a manifest, or of a template with its parameters.", Json.VmCreateRequest, Json.VmAnswer, CreateAsync) with { Status = 201 },
        RestRoute.Of(HttpMethods.Post, TemplateParameters, "Tells which parameters a template takes.", Json.TemplateRequest, Json.TemplateParameterList, ParametersAsync, changes: false),
    ];

    private Task<VmAnswer> CreateAsync(RestRequest request, VmCreateRequest asked)
    {
        DemandOne("manifest is missing; give a VirtualMachine, or a template with its parameters", ("manifest", asked.Manifest), ("template", asked.Template), ("template_name", asked.TemplateName));
        if (asked is { Manifest: not null, Parameters: not null })
        {
            throw new CoordinatorException(FailureReason.BadRequest, "parameters are for templates; give the manifest as template");
        }

        return providers.UseAsync(request.Caller, asked.Provider, async provider =>
        {
            var client = provider.ClientFor(request.Caller);
            var manifest = await ManifestAsync(asked, provider, client, request.Cancel).ConfigureAwait(false);
            var key = Place(manifest, asked, provider);
            await client.SendRawAsync(HttpMethod.Post, Kinds.VirtualMachines.Path(key.Namespace) + "?fieldManager=kvm-coordinator", manifest, request.Cancel).ConfigureAwait(false);
            return new VmAnswer(key.ToString(), $"{key} is created", time.GetUtcNow());
        }, request.Cancel);
    }

    private Task<TemplateParameterList> ParametersAsync(RestRequest request, TemplateRequest asked)
    {
        DemandOne("template is missing; give one, or template_name of one in the cluster", ("template", asked.Template), ("template_name", asked.TemplateName));
        return providers.UseAsync(request.Caller, asked.Provider, async provider =>
        {
            var template = await TemplateAsync(asked.Template, asked.TemplateName, provider, provider.ClientFor(request.Caller), request.Cancel).ConfigureAwait(false);
            var parameters = template.Parameters.Select(static p => new TemplateParameterSummary
            {
                Name = p.Name,
                DisplayName = p.DisplayName,
                Description = p.Description,
                Value = p.Value.Length > 0 ? p.Value : null,
                Required = p.Required,
                Generated = p.Generated is not null,
            }).ToList();
            return new TemplateParameterList(parameters, parameters.Count, time.GetUtcNow());
        }, request.Cancel);
    }

    private static async Task<JsonObject> ManifestAsync(VmCreateRequest asked, Provider provider, KubernetesClient client, CancellationToken cancel)
    {
        if (asked.Manifest is { } manifest)
        {
            DemandWhole(manifest, "manifest");
            VmManifest.Demand(manifest, "manifest");
            return (JsonObject)manifest.DeepClone();
        }

        var template = await TemplateAsync(asked.Template, asked.TemplateName, provider, client, cancel).ConfigureAwait(false);
        var given = asked.Parameters ?? new Dictionary<string, string>();
        return given.Where(static p => p.Value is null).Select(static p => p.Key).FirstOrDefault() is { } none
            ? throw new CoordinatorException(FailureReason.BadRequest, $"parameters.{none} is null; give text, or leave it out")
            : template.With(given);
    }

    private static async Task<MachineTemplate> TemplateAsync(JsonObject? template, string? name, Provider provider, KubernetesClient client, CancellationToken cancel)
    {
        template ??= await FetchAsync(name!, provider, client, cancel).ConfigureAwait(false);
        DemandWhole(template, "template");
        return MachineTemplate.Of(template);
    }

    private static async Task<JsonObject> FetchAsync(string name, Provider provider, KubernetesClient client, CancellationToken cancel)
    {
        var (ns, own) = name.Split('/') switch
        {
            [var bare] => (provider.Namespace, bare),
            [var first, var second] => (first, second),
            _ => ("", ""),
        };
        if (!RestRequest.NamespaceName().IsMatch(ns) || !RestRequest.ObjectName().IsMatch(own))
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"template_name=\"{name}\" names no template; write NAME or NAMESPACE/NAME");
        }

        try
        {
            return JsonNode.Parse(await client.GetRawAsync($"apis/{OpenShiftTemplate.ApiVersion}/namespaces/{ns}/templates/{own}", cancel).ConfigureAwait(false))!.AsObject();
        }
        catch (KubernetesException e) when (e.Code == StatusCodes.Status404NotFound)
        {
            throw new CoordinatorException(FailureReason.NotFound, $"template {ns}/{own} not found in provider \"{provider.Name}\"; where that has no Templates of {OpenShiftTemplate.Group}, send the template itself", e);
        }
    }

    /// <summary>Where it is made, and on what: what it does not say itself.</summary>
    private static MachineKey Place(JsonObject manifest, VmCreateRequest asked, Provider provider)
    {
        if (manifest["metadata"] is not JsonObject metadata || VmManifest.Text(metadata["name"]) is not { } name)
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"{(asked.Manifest is null ? "the template's machine" : "manifest")}.metadata.name is missing; give the machine a name");
        }

        var own = VmManifest.Text(metadata["namespace"]);
        if (own is not null && asked.Namespace is { } other && own != other)
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"{name} is in namespace {own}, and namespace says {other}; give one of them");
        }

        var key = new MachineKey(own ?? asked.Namespace ?? provider.Namespace, name);
        metadata["namespace"] = key.Namespace;
        manifest["apiVersion"] = Kinds.VirtualMachines.ApiVersion;
        SetStorageClass(manifest, provider.StorageClass);
        return key;
    }

    /// <summary>A machine's volumes are of the provider's class where they say none.</summary>
    private static void SetStorageClass(JsonObject manifest, string? storageClass)
    {
        var templates = storageClass is null ? null : (manifest["spec"] as JsonObject)?["dataVolumeTemplates"] as JsonArray;
        foreach (var spec in (templates ?? []).Select(static t => (t as JsonObject)?["spec"] as JsonObject))
        {
            if ((spec?["storage"] ?? spec?["pvc"]) is JsonObject claim && claim["storageClassName"] is null)
            {
                claim["storageClassName"] = storageClass;
            }
        }
    }

    private static void DemandOne(string missing, params (string Name, object? Value)[] fields)
    {
        var given = fields.Where(static f => f.Value is not null).Select(static f => f.Name).ToList();
        if (given.Count != 1)
        {
            throw new CoordinatorException(FailureReason.BadRequest, given.Count == 0 ? missing : $"{string.Join(" and ", given)} exclude one another; give one of them");
        }
    }

    /// <summary>A key that is there twice is read late, and would be an error of ours then.</summary>
    private static void DemandWhole(JsonObject json, string what)
    {
        try
        {
            using var _ = JsonDocument.Parse(json.ToJsonString(), new JsonDocumentOptions { AllowDuplicateProperties = false });
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"{what} is not understood: {e.Message}", e);
        }
    }
}
