using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Machines.Pods;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Tests.Machines;

/// <summary>
/// What a VM's owner writes never becomes an environment variable of the agent, nor anything about what a container may do: whatever text
/// of a scenario's instance is replaced, and whatever is put beside it, those stay as they were.
/// </summary>
public sealed class ReachTests
{
    private const string Marker = "qemu-args-reached";

    public static TheoryData<string> PodNames => [.. Scenario.Names(PodScenario.Area)];

    [Theory]
    [MemberData(nameof(PodNames))]
    public void No_text_of_an_instance_reaches_the_environment_or_a_security_context(string name)
    {
        foreach (var (_, given) in Scenario.Cases(PodScenario.Area, name))
        {
            if (PodScenario.Plan(given).Pod is not { } pod)
            {
                continue;
            }

            var before = Reach(pod);
            for (var leaf = 0; Bent(given, leaf) is { } bent; leaf++)
            {
                if (PodScenario.Plan(bent).Pod is { } other)
                {
                    Reach(other).ShouldBe(before);
                }
            }
        }
    }

    /// <summary>All that says what the containers are told and may do; a fetching container is told where its own pull secret lies.</summary>
    private static string Reach(Pod pod)
    {
        var node = JsonSerializer.SerializeToNode(pod, CoreKinds.Pods.Json)!["spec"]!.AsObject();
        var all = new JsonArray(node["securityContext"]?.DeepClone());
        foreach (var container in node["containers"]!.AsArray().Concat(node["initContainers"]?.AsArray() ?? []))
        {
            all.Add(container!["securityContext"]!.DeepClone());
            all.Add(container["command"]?.DeepClone());
            all.Add((string?)container["name"] == PodTemplate.ContainerName
                ? new JsonArray(container["env"]!.DeepClone(), container["args"]!.DeepClone())
                : new JsonArray([.. (container["env"]?.AsArray() ?? []).Select(static e => e!["name"]!.DeepClone())]));
        }

        foreach (var name in new[] { "hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace", "runtimeClassName", "serviceAccountName", "automountServiceAccountToken" })
        {
            all.Add(node[name]?.DeepClone());
        }

        return all.ToJsonString();
    }

    /// <summary>The instance with another text in one place, and with what a pod would understand in every object; null behind the last.</summary>
    private static JsonObject? Bent(JsonObject given, int leaf)
    {
        var bent = given.DeepClone().AsObject();
        var left = leaf;
        Visit(bent["vmi"]!, ref left);
        return left < 0 ? bent : null;
    }

    private static void Visit(JsonNode node, ref int left)
    {
        if (node is JsonObject map)
        {
            foreach (var (name, value) in map.ToList())
            {
                if (value is JsonValue text && text.GetValueKind() == JsonValueKind.String && left-- == 0)
                {
                    map[name] = Marker;
                }
                else if (value is not null and not JsonValue)
                {
                    Visit(value, ref left);
                }
            }

            Sneak(map);
        }
        else if (node is JsonArray list)
        {
            foreach (var item in list.Where(static i => i is not JsonValue))
            {
                Visit(item!, ref left);
            }
        }
    }

    private static void Sneak(JsonObject map)
    {
        // Labels, annotations and resources have texts only.
        var texts = map.All(static e => e.Value is JsonValue);
        foreach (var name in new[] { "QEMU_ARGS", "kvmagent.io/qemu-args", "privileged", "securityContext", "env" })
        {
            map[name] = texts ? Marker : new JsonObject { ["privileged"] = true, ["QEMU_ARGS"] = Marker };
        }
    }
}
