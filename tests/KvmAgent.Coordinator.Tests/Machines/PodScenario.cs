using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Machines.Pods;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Tests.Machines;

/// <summary>vmi, claims and options → the spec file, the ConfigMap and the pod, or the problems.</summary>
internal static class PodScenario
{
    public const string Area = "pods";

    public static PodPlan Plan(JsonObject given) =>
        PodTemplate.Create(Given.Instance(given["vmi"]!), Given.Claims(given["claims"]), Given.Options(given["options"]));

    public static JsonObject Show(JsonObject given)
    {
        var plan = Plan(given);
        if (plan.Problems.Count > 0)
        {
            return new JsonObject
            {
                ["problems"] = new JsonArray([.. plan.Problems.Select(static p => new JsonObject
                {
                    ["reason"] = p.Reason,
                    ["message"] = p.Message,
                    ["permanent"] = p.Permanent,
                })]),
            };
        }

        var config = JsonSerializer.SerializeToNode(plan.Config!, CoreKinds.ConfigMaps.Json)!.AsObject();
        var data = config["data"]!.AsObject();
        data.Remove(SpecFile.Name, out var file);
        return new JsonObject
        {
            ["spec"] = JsonNode.Parse((string)file!),
            ["configMap"] = config,
            ["pod"] = JsonSerializer.SerializeToNode(plan.Pod!, CoreKinds.Pods.Json),
        };
    }
}
