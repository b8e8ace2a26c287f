using System.Globalization;
using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>What single built-in kinds do beyond being stored.</summary>
internal static class KindRules
{
    private static int _clusterIps;

    /// <summary>A kubelet registers its node with its status.</summary>
    public static bool KeepsStatusOnCreate(ResourceType type) => type is { Group: "", Plural: "nodes" };

    public static void OnCreate(ResourceType type, JsonObject json)
    {
        switch (type)
        {
            case { Group: "", Plural: "pods" }:
                json["status"] = new JsonObject { ["phase"] = "Pending" };
                break;
            case { Group: "", Plural: "persistentvolumeclaims" }:
                json["status"] = new JsonObject { ["phase"] = "Pending" };
                if (json.Object("spec", "dataSource") is { } source && json.Object("spec", "dataSourceRef") is null)
                {
                    json.Object("spec")!["dataSourceRef"] = source.Clone();
                }

                break;
            case { Group: "", Plural: "namespaces" }:
                var name = json.Text("metadata", "name");
                json["spec"] = new JsonObject { ["finalizers"] = new JsonArray("kubernetes") };
                json["status"] = new JsonObject { ["phase"] = "Active" };
                if (json.Metadata()["labels"] is not JsonObject)
                {
                    json.Metadata()["labels"] = new JsonObject();
                }

                json.Metadata().Object("labels")!["kubernetes.io/metadata.name"] = name;
                break;
            case { Group: "", Plural: "secrets" }:
                MergeStringData(json);
                json["type"] ??= "Opaque";
                break;
            case { Group: "", Plural: "services" }:
                OnCreateService(json);
                break;
        }
    }

    public static void OnUpdate(ResourceType type, JsonObject before, JsonObject after)
    {
        if (type is { Group: "", Plural: "secrets" })
        {
            MergeStringData(after);
            after["type"] ??= before["type"]?.DeepClone();
        }
        else if (type is { Group: "", Plural: "services" } && after["spec"] is JsonObject spec)
        {
            foreach (var name in (string[])["clusterIP", "clusterIPs", "type"])
            {
                spec.Put(name, spec[name] ?? before.At("spec", name)?.DeepClone());
            }
        }
        else if (type is { Group: "", Plural: "namespaces" })
        {
            after.Put("spec", before["spec"]?.DeepClone());
        }
    }

    public static void OnDeletionBegins(ResourceType type, JsonObject json)
    {
        if (type is { Group: "", Plural: "namespaces" })
        {
            json["status"] = new JsonObject { ["phase"] = "Terminating" };
        }
    }

    public static IEnumerable<Cause> Check(Call call, JsonObject? before, JsonObject after) => call.Type switch
    {
        { Group: "", Plural: "pods" } => CheckPod(call, before, after),
        { Group: "", Plural: "configmaps" or "secrets" } when before.Flag("immutable") == true
            && !JsonNode.DeepEquals(Without(before!, "metadata"), Without(after, "metadata")) =>
            [Cause.Forbidden("data", "field is immutable when `immutable` is set")],
        { Group: "", Plural: "persistentvolumeclaims" } when before is not null && !JsonNode.DeepEquals(Frozen(before), Frozen(after)) =>
            [Cause.Forbidden("spec", "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims")],
        { Group: "", Plural: "persistentvolumeclaims" } when before is null => CheckDataSource(after),
        { Group: "coordination.k8s.io", Plural: "leases" } => MicroTimes.CheckLease(after),
        { Group: "", Plural: "events" } when (after.Text("involvedObject", "namespace") ?? "") is { Length: > 0 } ns && ns != call.Namespace =>
            [Cause.Invalid("involvedObject.namespace", $"\"{ns}\"", "does not match event.namespace")],
        _ => [],
    };

    /// <summary>What of others is named so the real one drops in silence.</summary>
    private static IEnumerable<Cause> CheckDataSource(JsonObject claim) => claim.Object("spec", "dataSource") switch
    {
        null => [],
        var source when source.Text("name") is not { Length: > 0 } => [Cause.Required("spec.dataSource.name")],
        var source when (source.Text("apiGroup") ?? "", source.Text("kind")) is ("", "PersistentVolumeClaim") or ("snapshot.storage.k8s.io", "VolumeSnapshot") => [],
        var source => throw ApiError.Unknown(422, "Invalid", $"the dataSource {source.ToJsonString()} is of a kind that no storage fills a claim from"),
    };

    private static IEnumerable<Cause> CheckPod(Call call, JsonObject? before, JsonObject after)
    {
        if (after.Array("spec", "containers") is not { Count: > 0 } containers)
        {
            yield return Cause.Required("spec.containers");
            yield break;
        }

        if (containers.Any(static c => c.Text("name") is not { Length: > 0 }))
        {
            yield return Cause.Required("spec.containers[].name");
        }

        if (before is not null && call.Subresource.Length == 0 && !JsonNode.DeepEquals(PodSpec(before), PodSpec(after)))
        {
            yield return Cause.Forbidden(
                "spec", "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)");
        }
    }

    /// <summary>What of a pod's spec nobody changes.</summary>
    private static JsonObject PodSpec(JsonObject pod)
    {
        var spec = pod.Object("spec")?.Clone() ?? [];
        spec.Remove("activeDeadlineSeconds");
        spec.Remove("tolerations");
        spec.Remove("schedulingGates");
        foreach (var container in (JsonNode?[])[.. spec.Array("containers") ?? [], .. spec.Array("initContainers") ?? []])
        {
            container.Object()?.Remove("image");
        }

        return spec;
    }

    private static JsonObject Frozen(JsonObject claim)
    {
        var spec = claim.Object("spec")?.Clone() ?? [];
        spec.Object("resources")?.Remove("requests");
        spec.Remove("volumeName");
        spec.Remove("volumeAttributesClassName");
        return spec;
    }

    private static JsonObject Without(JsonObject json, string name)
    {
        var clone = json.Clone();
        clone.Remove(name);
        return clone;
    }

    private static void MergeStringData(JsonObject secret)
    {
        if (secret["stringData"] is JsonObject texts)
        {
            var data = secret.Object("data") ?? [];
            foreach (var (name, text) in texts)
            {
                data[name] = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(text.Text() ?? ""));
            }

            secret.Remove("stringData");
            secret["data"] = data.Parent is null ? data : secret["data"]!.DeepClone();
        }
    }

    private static void OnCreateService(JsonObject json)
    {
        if (json["spec"] is JsonObject spec)
        {
            spec["type"] ??= "ClusterIP";
            if (spec.Text("type") != "ExternalName")
            {
                var number = Interlocked.Increment(ref _clusterIps);
                spec["clusterIP"] ??= string.Create(CultureInfo.InvariantCulture, $"10.96.{number / 250 % 256}.{(number % 250) + 1}");
                spec["clusterIPs"] ??= new JsonArray(spec.Text("clusterIP"));
            }

            foreach (var port in spec.Array("ports")?.OfType<JsonObject>() ?? [])
            {
                port["protocol"] ??= "TCP";
                port["targetPort"] ??= port["port"]?.DeepClone();
            }
        }
    }
}
