using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

internal sealed record DeleteOptions
{
    public const string Background = "Background", Foreground = "Foreground", Orphan = "Orphan";

    private static readonly string[] Known = ["apiVersion", "kind", "gracePeriodSeconds", "orphanDependents", "preconditions", "propagationPolicy", "dryRun"];

    /// <summary>Null: the kind's own.</summary>
    public long? GracePeriodSeconds { get; init; }

    /// <summary>Null: as the object's finalizers say, which is Background for most.</summary>
    public string? Policy { get; init; }

    public string? Uid { get; init; }

    public string? ResourceVersion { get; init; }

    public bool DryRun { get; init; }

    public static DeleteOptions Read(JsonObject? body, IReadOnlyDictionary<string, string> query)
    {
        foreach (var (name, _) in body ?? [])
        {
            if (!Known.Contains(name))
            {
                throw ApiError.Unknown(400, "BadRequest", $"DeleteOptions has no field {name}");
            }
        }

        if (body is { Count: > 0 } && body.Text("kind") is not (null or "DeleteOptions"))
        {
            throw ApiError.Unknown(400, "BadRequest", $"a DELETE's body is DeleteOptions, not {body.Text("kind")}");
        }

        foreach (var (name, _) in body.Object("preconditions") ?? [])
        {
            if (name is not ("uid" or "resourceVersion"))
            {
                throw ApiError.Unknown(400, "BadRequest", $"DeleteOptions.preconditions has no field {name}");
            }
        }

        var orphan = body.Flag("orphanDependents") ?? (query.TryGetValue("orphanDependents", out var given) ? given == "true" : null);
        var policy = body.Text("propagationPolicy") ?? query.GetValueOrDefault("propagationPolicy");
        if (policy is not (null or Background or Foreground or Orphan))
        {
            throw ApiError.Unknown(422, "Invalid", $"DeleteOptions.propagationPolicy: Unsupported value: \"{policy}\"");
        }

        return new DeleteOptions
        {
            GracePeriodSeconds = body.Number("gracePeriodSeconds")
                ?? (query.TryGetValue("gracePeriodSeconds", out var grace) ? long.Parse(grace, System.Globalization.CultureInfo.InvariantCulture) : null),
            Policy = policy ?? (orphan is null ? null : orphan.Value ? Orphan : Background),
            Uid = body.Text("preconditions", "uid"),
            ResourceVersion = body.Text("preconditions", "resourceVersion"),
            DryRun = body.Texts("dryRun").Contains("All"),
        };
    }
}
