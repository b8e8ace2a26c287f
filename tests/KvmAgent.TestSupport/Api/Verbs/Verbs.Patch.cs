using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

internal sealed partial class Verbs
{
    public const string Merge = "application/merge-patch+json", Json6902 = "application/json-patch+json",
        Strategic = "application/strategic-merge-patch+json", Apply = "application/apply-patch+yaml";

    public Outcome Patch(Call call, string contentType, JsonNode patch)
    {
        if (contentType == Apply)
        {
            return Applied(call, patch as JsonObject ?? throw ApiError.Unknown(400, "BadRequest", "an apply patch is an object"));
        }

        if (call.Force is not null)
        {
            throw ApiError.Invalid("meta.k8s.io", "PatchOptions", "", [Cause.Forbidden("force", "may not be specified for non-apply patch")]);
        }

        lock (world.Gate)
        {
            var live = Live(call);
            var full = live.Full(call.Version);
            JsonNode? patched = (contentType, patch) switch
            {
                (Merge, JsonObject) => MergePatch.Apply(full, patch),
                (Json6902, JsonArray steps) => JsonPatch.Apply(full, steps),
                (Strategic, JsonObject changes) when !call.Type.Custom => StrategicPatch.Apply(full, changes, call.Version.Fields),
                (Strategic, _) when call.Type.Custom => throw new ApiError(
                    415, "UnsupportedMediaType", $"the body of the request was in an unknown format - accepted media types include: {Json6902}, {Merge}, {Apply}"),
                _ => throw ApiError.Unknown(400, "BadRequest", $"the body is no {contentType}"),
            };
            var body = patched as JsonObject ?? throw ApiError.Unknown(400, "BadRequest", "the patch leaves no object");
            Unwrap(call, body);
            if (body.Text("metadata", "name") != call.Name)
            {
                throw ApiError.Unknown(400, "BadRequest", $"the name of the object ({body.Text("metadata", "name")}) does not match the name on the URL ({call.Name})");
            }

            CheckNamespaceOf(call, body.Metadata());
            return new Outcome(200, Write(call, live, body, null));
        }
    }

    private Outcome Applied(Call call, JsonObject config)
    {
        if (!call.ManagerGiven)
        {
            throw ApiError.Invalid("meta.k8s.io", "PatchOptions", "", [Cause.Required("fieldManager", "is required for apply patch")]);
        }

        Unwrap(call, config);
        var metadata = config.Metadata();
        if (metadata.ContainsKey("managedFields"))
        {
            throw ApiError.Unknown(400, "BadRequest", "metadata.managedFields must be nil");
        }

        if ((metadata.Text("name") ?? call.Name) != call.Name)
        {
            throw ApiError.Unknown(400, "BadRequest", $"the name of the object ({metadata.Text("name")}) does not match the name on the URL ({call.Name})");
        }

        metadata["name"] = call.Name;
        CheckNamespaceOf(call, metadata);
        lock (world.Gate)
        {
            var live = call.Type.Table.Find(call.Namespace, call.Name);
            if (live is null && call.Subresource.Length > 0)
            {
                throw ApiError.NotFound(call.Type, call.Name);
            }

            if (live is not null)
            {
                CheckSame(call, live, metadata);
            }
            else if (metadata.Text("uid") is { Length: > 0 } uid)
            {
                throw ApiError.Conflict(call.Type, call.Name, $"uid mismatch: the provided object specified uid {uid}, and no existing object was found");
            }

            metadata.Remove("resourceVersion");
            metadata.Remove("uid");
            if (call.Version.Schema is { } schema)
            {
                CheckUnknown(call, Pruning.Prune(config, schema));
            }

            OnlyOf(call, config);
            var (after, managers) = ServerSideApply.Apply(
                live?.Json ?? [], live?.Managers ?? [], config, Writer(call, Manager.Apply), call.Force == true, call.Version.Fields);
            return live is null ? new Outcome(201, Create(call, after, managers)) : new Outcome(200, Write(call, live, after, managers));
        }
    }

    /// <summary>What the subresource does not write is not owned through it either.</summary>
    private static void OnlyOf(Call call, JsonObject config)
    {
        if (call.IsStatus)
        {
            foreach (var name in config.Select(static p => p.Key).Where(static name => name is not ("status" or "metadata")).ToList())
            {
                config.Remove(name);
            }

            var metadata = config.Metadata();
            foreach (var name in metadata.Select(static p => p.Key).Where(static name => name is not ("name" or "namespace")).ToList())
            {
                metadata.Remove(name);
            }
        }
        else if (call.Version.Status)
        {
            config.Remove("status");
        }
    }
}
