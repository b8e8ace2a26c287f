using System.Text.Json.Nodes;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Machines.Pods;

/// <summary>What the containers may do. The VM's has what charts/kvm-agent gives it, no field or annotation adds to it.</summary>
internal static class PodSecurity
{
    /// <summary>An import holds a few blocks of 4 MiB and its tables.</summary>
    public static ResourceRequirements ImporterResources { get; } = new()
    {
        Requests = new Dictionary<string, Quantity> { ["cpu"] = new("100m"), ["memory"] = new("256Mi") },
        Limits = new Dictionary<string, Quantity> { ["memory"] = new("256Mi") },
    };

    public static JsonObject Machine(MachineOptions options)
    {
        JsonArray capabilities = ["NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE", "SETUID", "SETGID", "CHOWN"];
        if (options.TunResource is null)
        {
            capabilities.Add("MKNOD");
        }

        return Context(capabilities);
    }

    /// <summary>Root, for what it makes must be the agent's that comes after it; it needs no more than that.</summary>
    public static JsonObject Importer() => Context([]);

    public static JsonObject? Pod(MachineOptions options) => !options.SysctlForward ? null : new JsonObject
    {
        ["sysctls"] = new JsonArray(new JsonObject { ["name"] = "net.ipv4.ip_forward", ["value"] = "1" }),
    };

    private static JsonObject Context(JsonArray capabilities)
    {
        var allowed = new JsonObject { ["drop"] = new JsonArray("ALL") };
        if (capabilities.Count > 0)
        {
            allowed["add"] = capabilities;
        }

        return new JsonObject
        {
            ["runAsUser"] = 0,
            ["runAsNonRoot"] = false,
            ["privileged"] = false,
            ["allowPrivilegeEscalation"] = false,
            ["capabilities"] = allowed,
            ["seccompProfile"] = new JsonObject { ["type"] = "RuntimeDefault" },
        };
    }
}
