using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Imports.Crons;

namespace KvmAgent.Coordinator.Tests.Machines;

/// <summary>A DataImportCron and what it has made → what is done, and what is told of it.</summary>
internal static class CronScenario
{
    public static JsonObject Decide(JsonObject given)
    {
        var cron = Given.Cron(given["cron"]!);
        var request = CronImports.Request(cron).Request;
        // Where it was recorded for which image the digest is, as "same": for this one.
        if (request is not null && cron.Metadata.Annotation(ImportAnnotations.Request) == "same")
        {
            cron = cron with
            {
                Metadata = cron.Metadata with { Annotations = new Dictionary<string, string>(cron.Metadata.Annotations!) { [ImportAnnotations.Request] = request.Hash() } },
            };
        }

        var plan = CronDecision.Decide(new CronView(
            cron,
            [.. (given["volumes"] as JsonObject ?? []).Where(static v => v.Value is not null).Select(v => Volume(v.Key, v.Value!, cron))],
            given["source"] is { } s ? Given.Source(s) : null,
            given["pod"] is { } p ? ImportScenario.Inspector(p, CronImports.PodName(cron), Kinds.DataImportCrons.OwnerOf(cron), request) : null,
            Given.Now(given)));
        return new JsonObject
        {
            ["steps"] = new JsonArray([.. plan.Steps.Select(static s => (JsonNode)Describe(s))]),
            ["status"] = JsonSerializer.SerializeToNode(plan.Status, ApiJson.Default.DataImportCronStatus),
            ["again"] = plan.Again?.ToString(),
            ["events"] = new JsonArray([.. plan.Events.Select(static e => (JsonNode)$"{e.Type} {e.Reason}: {e.Message}")]),
            ["made"] = plan.Steps.OfType<CronStep.Import>().FirstOrDefault() is { } import ? JsonSerializer.SerializeToNode(import.Volume, ApiJson.Default.DataVolume)
                : plan.Steps.OfType<CronStep.CreateSource>().FirstOrDefault() is { } source ? JsonSerializer.SerializeToNode(source.Source, ApiJson.Default.DataSource)
                : null,
        };
    }

    /// <summary>By name: phase, age in days, message, and label, where it is not the cron's.</summary>
    private static DataVolume Volume(string name, JsonNode given, DataImportCron cron) => new()
    {
        Metadata = new()
        {
            Name = name,
            Namespace = Given.Golden,
            Uid = Given.VolumeUid,
            CreationTimestamp = Given.Epoch.AddDays(-(long)(given["age"] ?? 0L)),
            Labels = new Dictionary<string, string> { [CronImports.Label] = (string?)given["label"] ?? cron.Metadata.Name! },
        },
        Status = new()
        {
            Phase = (string?)given["phase"],
            Conditions = [new() { Type = "Running", Status = "False", Message = (string?)given["message"] }],
        },
    };

    private static string Describe(CronStep step) => step switch
    {
        CronStep.Poll(var request) => $"look at {request.Source} {request.Endpoint}",
        CronStep.DeletePod(var pod) => $"delete Pod {pod.Metadata.Name}",
        CronStep.Annotate(var annotations) => $"record {string.Join(", ", annotations.Select(static a => $"{a.Key} {(a.Key == ImportAnnotations.Request ? "(same)" : a.Value?.ToString() ?? "(none)")}"))}",
        CronStep.Import(var volume) => $"create DataVolume {volume.Metadata.Name}",
        CronStep.Delete(var volume) => $"delete DataVolume {volume.Metadata.Name}",
        CronStep.CreateSource(var source) => $"create DataSource {source.Metadata.Name}",
        CronStep.PointSource(var source, var claim) => $"point DataSource {source.Metadata.Name} to {claim.Namespace}/{claim.Name}",
        CronStep.OwnVolume(var volume, var owners) => $"let DataVolume {volume.Metadata.Name} have {owners.Count} owners",
        CronStep.OwnSource(var source, var owners) => $"let DataSource {source.Metadata.Name} have {owners.Count} owners",
        _ => throw new ArgumentOutOfRangeException(nameof(step), step, "unknown step"),
    };
}
