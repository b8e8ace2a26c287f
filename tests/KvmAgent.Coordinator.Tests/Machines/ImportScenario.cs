using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Imports.Clones;
using KvmAgent.Coordinator.Imports.DataVolumes;
using KvmAgent.Coordinator.Imports.Sources;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Tests.Machines;

/// <summary>A claim and its importer's pod → what is written of the claim, what is done and what is told.</summary>
internal static class ImportScenario
{
    public static JsonObject Decide(JsonObject given)
    {
        var claim = Recorded(Given.Claim(given["claim"]!));
        var pod = given["pod"] is { } p ? Pod(p, claim) : null;
        var clone = given["clone"] is { } c ? new CloneView((string?)c["server"], (string?)c["reason"] ?? "", (string?)c["message"] ?? "") : null;
        var plan = ImportDecision.Decide(new ImportView(claim, pod, clone) { Class = given["class"] is { } s ? Given.Class(s) : null });
        var shown = new JsonObject
        {
            ["annotations"] = plan.State?.Patch(claim)?["metadata"]?["annotations"]?.DeepClone(),
            ["action"] = plan.Action switch
            {
                null => null,
                ImportAction.CreatePod(var request) => $"create a pod for {request.Source} {request.Endpoint}{(request.Server is null ? "" : $" from {request.Server}")}",
                ImportAction.DeletePod(var deleted) => $"delete Pod {deleted.Metadata.Name}",
                _ => throw new ArgumentOutOfRangeException(nameof(given), plan.Action, "unknown action"),
            },
            ["event"] = plan.State is { } state && ImportEvents.Of(claim, state) is { } told ? $"{told.Type} {told.Reason}: {told.Message}" : null,
        };
        if (clone is not null)
        {
            shown["serve"] = plan.Serve;
        }

        return shown;
    }

    public static JsonObject Pod(JsonObject given)
    {
        if (given["volume"] is { } v)
        {
            var volume = Given.Volume(v);
            var inspector = ImporterPod.Inspector(
                VolumeSize.PodName(volume), volume.Metadata, Kinds.DataVolumes.OwnerOf(volume), VolumeSize.Wanted(volume)!, Given.Options(given["options"]), new ImportOptions());
            return JsonSerializer.SerializeToNode(inspector, CoreKinds.Pods.Json)!.AsObject();
        }

        var claim = Given.Claim(given["claim"]!);
        return ImportRequest.Of(claim) is not { Request: { } request } asked
            ? new JsonObject { ["problems"] = ImportRequest.Of(claim)?.Problem ?? "nothing is asked" }
            : JsonSerializer.SerializeToNode(ImporterPod.Create(claim, request with { Server = (string?)given["server"] }, Given.Options(given["options"]), new ImportOptions(), "clone-key-1"), CoreKinds.Pods.Json)!.AsObject();
    }

    public static JsonObject CloneSource(JsonObject given)
    {
        var (target, source) = (Given.Claim(given["claim"]!), Given.Claim(given["source"]!));
        return JsonSerializer.SerializeToNode(CloneSourcePod.Create(target, source, Given.Options(given["options"]), new ImportOptions(), "clone-key-2"), CoreKinds.Pods.Json)!.AsObject();
    }

    public static JsonObject StorageClaim(JsonObject given)
    {
        var original = Given.Claim(given["original"]!);
        var storage = given["class"] is { } c ? Given.Class(c) : null;
        var volume = Given.Volume(given["volume"]!);
        var wanted = VolumeClaim.Create(volume, original).Claim!;
        var alike = VolumeClaim.AsItsSource(volume, original) ?? wanted;
        var made = StorageClone.Choose(alike, original, storage, StorageClone.ClassFor(storage?.Provisioner, Given.SnapshotClasses(given["snapshotClasses"]))) switch
        {
            StorageClone.Csi => StorageClone.Of(alike, original),
            StorageClone.Snapshot => StorageClone.Of(alike, Given.Snapshot(given["snapshot"] ?? new JsonObject()), original, original.Spec!.StorageClassName, original.Spec.VolumeMode),
            _ => wanted,
        };
        return JsonSerializer.SerializeToNode(made, CoreKinds.PersistentVolumeClaims.Json)!.AsObject();
    }

    /// <summary>The volume's own claim where it does not say whose it is.</summary>
    public static JsonObject Volume(JsonObject given)
    {
        var volume = Given.Volume(given["volume"]!);
        var claim = given["claim"] is { } c ? Given.Claim(c) : null;
        if (claim is { Metadata.OwnerReferences: null })
        {
            claim = claim with { Metadata = claim.Metadata with { OwnerReferences = [Kinds.DataVolumes.OwnerOf(volume)] } };
        }

        var request = VolumeSize.Wanted(volume);
        if (volume.Metadata.Annotation(ImportAnnotations.Request) == "same")
        {
            volume = volume with
            {
                Metadata = volume.Metadata with { Annotations = new Dictionary<string, string>(volume.Metadata.Annotations!) { [ImportAnnotations.Request] = request!.Hash() } },
            };
        }

        var plan = VolumeDecision.Decide(new VolumeView(volume, claim, Given.Now(given))
        {
            Original = given["original"] is { } o ? Given.Claim(o) : null,
            Source = VolumeSourceRef.Resolve(volume, (ns, name) => SourceResolution.Of(ns, name, Given.Sources(given["sources"]))),
            Inspector = given["inspector"] is { } p ? Inspector(p, VolumeSize.PodName(volume), Kinds.DataVolumes.OwnerOf(volume), request) : null,
        });
        return new JsonObject
        {
            ["status"] = JsonSerializer.SerializeToNode(plan.Status, ApiJson.Default.DataVolumeStatus),
            ["create"] = plan.Create is null ? null : JsonSerializer.SerializeToNode(plan.Create, CoreKinds.PersistentVolumeClaims.Json),
            ["step"] = plan.Step switch
            {
                null => null,
                VolumeStep.Inspect(var asked) => $"look at {asked.Source} {asked.Endpoint}",
                VolumeStep.Annotate(var annotations) => $"record {string.Join(", ", annotations.Select(a => $"{a.Key} {(a.Key == ImportAnnotations.Request ? "(same)" : a.Value?.ToString() ?? "(none)")}"))}",
                VolumeStep.DeletePod(var deleted) => $"delete Pod {deleted.Metadata.Name}",
                _ => throw new ArgumentOutOfRangeException(nameof(given), plan.Step, "unknown step"),
            },
            ["events"] = new JsonArray([.. plan.Events.Select(static e => (JsonNode)$"{e.Type} {e.Reason}: {e.Message}")]),
        };
    }

    public static JsonObject Source(JsonObject given)
    {
        var find = Given.Sources(given["sources"]);
        var resolved = SourceResolution.Of(Given.Golden, "fedora", find);
        var pvc = resolved.Source?.Pvc;
        var claim = given["claim"] is { } c ? Given.Claim(c) : null;
        var volume = given["volume"] is { } v ? Given.Volume(v) : null;
        var view = new SourceView(
            find(Given.Golden, "fedora")!, resolved, claim?.Metadata.Name == pvc?.Name ? claim : null, volume?.Metadata.Name == pvc?.Name ? volume : null, Given.Now(given))
        {
            Snapshot = given["snapshot"] is { } s ? Given.Snapshot(s) : null,
        };
        return JsonSerializer.SerializeToNode(SourceDecision.Decide(view), ApiJson.Default.DataSourceStatus)!.AsObject();
    }

    /// <summary>The owner's own where it does not say whose it is, and for this request.</summary>
    public static Pod Inspector(JsonNode given, string name, OwnerReference owner, ImportRequest? request)
    {
        var pod = Given.Pod(given, name);
        return pod.Metadata.OwnerReferences is not null ? pod : pod with
        {
            Metadata = pod.Metadata with
            {
                OwnerReferences = [owner],
                Annotations = new Dictionary<string, string> { [ImportAnnotations.Request] = pod.Metadata.Annotation(ImportAnnotations.Request) ?? request?.Hash() ?? "none" },
            },
        };
    }

    /// <summary>Where it was recorded which request is followed, as <c>same</c>: this one.</summary>
    private static PersistentVolumeClaim Recorded(PersistentVolumeClaim claim) =>
        claim.Metadata.Annotation(ImportAnnotations.Request) != "same" || ImportRequest.Of(claim) is not { Request: { } request } ? claim : claim with
        {
            Metadata = claim.Metadata with { Annotations = new Dictionary<string, string>(claim.Metadata.Annotations!) { [ImportAnnotations.Request] = request.Hash(claim) } },
        };

    /// <summary>The claim's own where it does not say whose it is, and for what the claim asks.</summary>
    private static Pod Pod(JsonNode given, PersistentVolumeClaim claim)
    {
        var pod = Given.Pod(given, ImporterPod.Name(claim));
        return pod.Metadata.OwnerReferences is not null || ImportRequest.Of(claim) is not { Request: { } request } ? pod : pod with
        {
            Metadata = pod.Metadata with
            {
                OwnerReferences = [CoreKinds.PersistentVolumeClaims.OwnerOf(claim)],
                Annotations = new Dictionary<string, string> { [ImportAnnotations.Request] = pod.Metadata.Annotation(ImportAnnotations.Request) ?? request.Hash(claim), [ImportAnnotations.CloneServer] = pod.Metadata.Annotation(ImportAnnotations.CloneServer) ?? "" },
            },
        };
    }
}
