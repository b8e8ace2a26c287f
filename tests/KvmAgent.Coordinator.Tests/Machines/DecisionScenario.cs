using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Contracts;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Machines.Adoption;
using KvmAgent.Coordinator.Machines.Instances;
using KvmAgent.Coordinator.Machines.Pods;
using KvmAgent.Coordinator.Machines.VirtualMachines;

namespace KvmAgent.Coordinator.Tests.Machines;

/// <summary>What is there and what the agent says → status, writes, Events and when to look again.</summary>
internal static class DecisionScenario
{
    public static JsonObject Instance(JsonObject given)
    {
        var vmi = Given.Instance(given["vmi"]!);
        var pod = given["pod"] is { } p ? Given.Pod(p, PodTemplate.Name(vmi)) : null;
        var agent = given["agent"] is { } a ? new AgentView((string?)a["podUid"] ?? Given.PodUid, Status(a)) : null;
        var decision = InstanceDecision.Decide(
            new InstanceView(vmi, pod, Given.Pods(given["otherPods"]), Given.Claims(given["claims"]), agent, Given.Now(given)), Given.Options(given["options"]));
        return Show(decision, JsonSerializer.SerializeToNode(decision.Status, ApiJson.Default.VmiStatus)!);
    }

    public static JsonObject Machine(JsonObject given)
    {
        var vm = Given.Machine(given["vm"]!);
        var view = new VmView(
            vm,
            given["vmi"] is { } vmi ? Given.Instance(vmi) : null,
            Given.Pods(given["pods"]),
            Given.Claims(given["claims"]),
            Given.Now(given),
            given["instancetype"] is { } type ? JsonSerializer.Deserialize(type, ApiJson.Default.InstancetypeSpec) : null,
            given["preference"] is { } preference ? JsonSerializer.Deserialize(preference, ApiJson.Default.PreferenceSpec) : null);
        var decision = VmDecision.Decide(view);
        return Show(decision, JsonSerializer.SerializeToNode(decision.Status, ApiJson.Default.VirtualMachineStatus)!);
    }

    /// <summary>Of the name <c>web</c>, as the caches would find it.</summary>
    public static JsonObject Adoption(JsonObject given)
    {
        var key = new MachineKey("shop", "web");
        var pods = given["pods"]!.AsArray().Select(static p => Given.Pod(p!, "web-0")).ToList();
        var instance = given["vmi"] is { } vmi ? Given.Instance(vmi) : null;
        var owner = instance is null ? null : AdoptedPod.OwnerOf(instance);
        var plan = AdoptionDecision.Adopt(new AdoptionView(
            key,
            [.. pods.Where(p => AdoptedPod.KeyOf(p) == key)],
            (given["shown"]?.AsArray() ?? []).Select(static s => (string)s!).ToHashSet(),
            instance,
            pods.FirstOrDefault(p => p.Metadata.Uid == owner?.Uid),
            given["vm"] is not null));
        return new JsonObject
        {
            ["asks"] = new JsonObject(pods.Select(static p => KeyValuePair.Create(p.Metadata.Name!, (JsonNode?)AdoptedPod.KeyOf(p)?.ToString()))),
            ["create"] = plan.Instance is null ? null : JsonSerializer.SerializeToNode(plan.Instance, ApiJson.Default.VirtualMachineInstance),
            ["told"] = new JsonArray([.. plan.Told.Select(static t => (JsonNode)$"{t.Pod.Metadata.Name}: {t.Event.Type} {t.Event.Reason}: {t.Event.Message}")]),
        };
    }

    private static VmStatus Status(JsonNode agent)
    {
        var whole = new JsonObject { ["name"] = "web", ["namespace"] = "shop", ["since"] = "2026-03-01T12:00:00Z", ["ready"] = false, ["starts"] = 1 };
        foreach (var (name, value) in agent.AsObject().Where(static e => e.Key != "podUid"))
        {
            whole[name] = value?.DeepClone();
        }

        return JsonSerializer.Deserialize(whole, ContractsJson.Default.VmStatus)!;
    }

    private static JsonObject Show<TStatus>(Decision<TStatus> decision, JsonNode status)
    {
        var shown = new JsonObject
        {
            ["status"] = status,
            ["actions"] = new JsonArray([.. decision.Actions.Select(Show)]),
            ["events"] = new JsonArray([.. decision.Events.Select(static e => (JsonNode)$"{e.Type} {e.Reason}: {e.Message}")]),
        };
        if (decision.Again is { } again)
        {
            shown["again"] = again.ToString("c");
        }

        return shown;
    }

    private static JsonNode Show(MachineAction action) => action switch
    {
        MachineAction.CreateConfigMap(var config) => $"create ConfigMap {config.Metadata.Name}",
        MachineAction.CreatePod(var pod) => $"create Pod {pod.Metadata.Name}",
        MachineAction.DeletePod(var name, var uid) => $"delete Pod {name} with the UID {uid}",
        MachineAction.DeleteInstance(var name, var uid, var grace) => $"delete VirtualMachineInstance {name} with the UID {uid}{(grace is null ? "" : $" within {grace} s")}",
        MachineAction.CreateVolume(var volume) => new JsonObject { ["create DataVolume"] = JsonSerializer.SerializeToNode(volume, ApiJson.Default.DataVolume) },
        MachineAction.CreateInstance(var instance) => new JsonObject
        {
            ["create VirtualMachineInstance"] = JsonSerializer.SerializeToNode(instance, ApiJson.Default.VirtualMachineInstance),
        },
        _ => throw new ArgumentOutOfRangeException(nameof(action), action, "unknown action"),
    };
}
