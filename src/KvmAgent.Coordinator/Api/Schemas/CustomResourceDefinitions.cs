using System.Text.Json.Nodes;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Api.Schemas;

/// <summary>The CustomResourceDefinitions of the kinds, made of their types. <c>kvm-coordinator crds</c> prints them, and the chart has them.</summary>
internal static class CustomResourceDefinitions
{
    public static IReadOnlyList<JsonObject> All { get; } =
    [
        Of(Kinds.VirtualMachines, ["v1", "v1alpha3"], ["vm", "vms"],
        [
            Column("Age", "date", ".metadata.creationTimestamp"),
            Column("Status", "string", ".status.printableStatus", "How the machine is"),
            Column("Ready", "string", ".status.conditions[?(@.type=='Ready')].status"),
        ]),
        Of(Kinds.VirtualMachineInstances, ["v1", "v1alpha3"], ["vmi", "vmis"],
        [
            Column("Age", "date", ".metadata.creationTimestamp"),
            Column("Phase", "string", ".status.phase"),
            Column("IP", "string", ".status.interfaces[0].ipAddress"),
            Column("NodeName", "string", ".status.nodeName"),
            Column("Ready", "string", ".status.conditions[?(@.type=='Ready')].status"),
            Column("Live-Migratable", "string", ".status.conditions[?(@.type=='LiveMigratable')].status", priority: 1),
            Column("Paused", "string", ".status.conditions[?(@.type=='Paused')].status", priority: 1),
        ]),
        Of(Kinds.Migrations, ["v1", "v1alpha3"], ["vmim", "vmims"],
        [
            Column("Phase", "string", ".status.phase"),
            Column("VMI", "string", ".spec.vmiName"),
        ]),
        Of(Kinds.Instancetypes, ["v1beta1"], ["vminstancetype", "vminstancetypes", "vmf", "vmfs"], []),
        Of(Kinds.ClusterInstancetypes, ["v1beta1"], ["vmclusterinstancetype", "vmclusterinstancetypes", "vmcf", "vmcfs"], []),
        Of(Kinds.Preferences, ["v1beta1"], ["vmpref", "vmprefs", "vmp", "vmps"], []),
        Of(Kinds.ClusterPreferences, ["v1beta1"], ["vmcp", "vmcps"], []),
        Of(Kinds.DataVolumes, ["v1beta1"], ["dv", "dvs"],
        [
            Column("Phase", "string", ".status.phase", "How far the volume is"),
            Column("Progress", "string", ".status.progress", "Of the transfer, where it is known"),
            Column("Restarts", "integer", ".status.restartCount", "How often the importer was started again"),
            Column("Age", "date", ".metadata.creationTimestamp"),
        ]),
        Of(Kinds.DataSources, ["v1beta1"], ["das"],
        [
            Column("Ready", "string", ".status.conditions[?(@.type=='Ready')].status", "Whether it can be cloned"),
            Column("Age", "date", ".metadata.creationTimestamp"),
        ]),
        Of(Kinds.DataImportCrons, ["v1beta1"], ["dic", "dics"],
        [
            Column("Format", "string", ".status.sourceFormat", "What imports are kept as"),
            Column("UpToDate", "string", ".status.conditions[?(@.type=='UpToDate')].status"),
            Column("Age", "date", ".metadata.creationTimestamp"),
        ]),
        Of(Kinds.CdiConfigs, ["v1beta1"], [],
        [
            Column("Upload-URL", "string", ".status.uploadProxyURL", "Where images are sent"),
        ]),
    ];

    private static JsonObject Of<T>(ResourceKind<T> kind, string[] versions, string[] shortNames, JsonObject[] columns)
        where T : class, IKubernetesObject
    {
        var schema = SchemaGenerator.Of(typeof(T));
        // The API server has these to itself.
        schema["properties"]!["metadata"] = new JsonObject { ["type"] = "object" };
        schema["required"] = new JsonArray("spec");
        return new JsonObject
        {
            ["apiVersion"] = "apiextensions.k8s.io/v1",
            ["kind"] = "CustomResourceDefinition",
            ["metadata"] = new JsonObject { ["name"] = $"{kind.Plural}.{kind.Group}" },
            ["spec"] = new JsonObject
            {
                ["group"] = kind.Group,
                ["scope"] = kind.Namespaced ? "Namespaced" : "Cluster",
                ["names"] = new JsonObject
                {
                    ["plural"] = kind.Plural,
                    ["singular"] = kind.Kind.ToLowerInvariant(),
                    ["kind"] = kind.Kind,
                    ["listKind"] = kind.Kind + "List",
                    ["shortNames"] = Array(shortNames),
                    ["categories"] = Array(["all"]),
                },
                ["versions"] = new JsonArray([.. versions.Select(version => Version(version, version == versions[0], schema, columns))]),
            },
        };
    }

    private static JsonObject Version(string name, bool stored, JsonObject schema, JsonObject[] columns)
    {
        var version = new JsonObject
        {
            ["name"] = name,
            ["served"] = true,
            ["storage"] = stored,
            ["schema"] = new JsonObject { ["openAPIV3Schema"] = schema.DeepClone() },
        };
        if (schema["properties"]!["status"] is not null)
        {
            version["subresources"] = new JsonObject { ["status"] = new JsonObject() };
        }

        if (columns.Length > 0)
        {
            version["additionalPrinterColumns"] = new JsonArray([.. columns.Select(static c => c.DeepClone())]);
        }

        if (!stored)
        {
            version["deprecated"] = true;
            version["deprecationWarning"] = $"kubevirt.io/{name} is now deprecated; use kubevirt.io/v1";
        }

        return version;
    }

    private static JsonObject Column(string name, string type, string path, string? description = null, int priority = 0)
    {
        var column = new JsonObject { ["name"] = name, ["type"] = type, ["jsonPath"] = path };
        if (description is not null)
        {
            column["description"] = description;
        }

        if (priority > 0)
        {
            column["priority"] = priority;
        }

        return column;
    }

    private static JsonArray Array(IEnumerable<string> texts) => new([.. texts.Select(static t => (JsonNode)t)]);
}
