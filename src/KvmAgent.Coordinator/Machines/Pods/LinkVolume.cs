using System.Text.Json.Nodes;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Machines.Pods;

/// <summary>By what a pod's process proves to the coordinator which pod it is, and what proves the coordinator to it.</summary>
internal static class LinkVolume
{
    /// <summary>Of the pod: the coordinator's authority, where no ConfigMap has it.</summary>
    public const string Authority = "kvmagent.io/coordinator-ca";

    public const string CaFile = "ca.crt";

    private const string Name = "link-token", Directory = "/var/run/secrets/kvm-agent";

    public static VolumeMount Mount { get; } = new(Name, Directory) { ReadOnly = true };

    /// <param name="withAuthority">Whether the file of the authority is here too, from the pod's annotation.</param>
    public static Volume Of(LinkOptions link, bool withAuthority)
    {
        var sources = new JsonArray(new JsonObject
        {
            ["serviceAccountToken"] = new JsonObject { ["audience"] = link.Audience, ["expirationSeconds"] = 3600, ["path"] = "token" },
        });
        if (withAuthority)
        {
            sources.Add((JsonNode)new JsonObject
            {
                ["downwardAPI"] = new JsonObject
                {
                    ["items"] = new JsonArray(new JsonObject { ["path"] = CaFile, ["fieldRef"] = new JsonObject { ["fieldPath"] = $"metadata.annotations['{Authority}']" } }),
                },
            });
        }

        return Volume.Of(Name, "projected", new JsonObject { ["sources"] = sources });
    }

    /// <param name="caDirectory">Where the file of the authority is, if not here.</param>
    public static IEnumerable<EnvVar> Environment(LinkOptions link, string caDirectory = Directory) =>
    [
        new("COORDINATOR_URL", link.Url),
        new("COORDINATOR_CA_FILE", $"{caDirectory}/{CaFile}"),
        new("COORDINATOR_TOKEN_FILE", $"{Directory}/token"),
    ];
}
