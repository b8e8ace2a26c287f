using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

internal sealed partial class Verbs
{
    // Kept as they are whatever a write says of them.
    private static readonly string[] ServerOwned =
        ["name", "namespace", "generateName", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "resourceVersion", "managedFields"];

    public Outcome Update(Call call, JsonObject body)
    {
        Unwrap(call, body);
        lock (world.Gate)
        {
            var metadata = body.Metadata();
            var name = metadata.Text("name");
            if (name != call.Name)
            {
                throw ApiError.Unknown(400, "BadRequest", $"the name of the object ({name}) does not match the name on the URL ({call.Name})");
            }

            CheckNamespaceOf(call, metadata);
            var live = call.Type.Table.Find(call.Namespace, call.Name);
            if (live is null && call.Type.CreateOnUpdate && call.Subresource.Length == 0)
            {
                metadata.Remove("resourceVersion");
                return new Outcome(201, Create(call, body, null));
            }

            live ??= Live(call);
            if (metadata.Text("resourceVersion") is not { Length: > 0 } && !call.Type.UnconditionalUpdate)
            {
                throw ApiError.Invalid(call.Type, call.Name, Cause.Invalid("metadata.resourceVersion", "0", "must be specified for an update"));
            }

            return new Outcome(200, Write(call, live, body, null));
        }
    }

    /// <param name="managers">Null: the writer owns what it changed.</param>
    private Stored Write(Call call, Stored live, JsonObject body, IReadOnlyList<Manager>? managers)
    {
        CheckSame(call, live, body.Metadata());
        var after = Split(call, live, Ordered(body));
        var metadata = after.Metadata();
        var resetManagers = body.Array("metadata", "managedFields") is { } sent && sent.All(static m => m is JsonObject { Count: 0 });
        foreach (var name in ServerOwned)
        {
            metadata.Put(name, live.Json.At("metadata", name)?.DeepClone());
        }

        KindRules.OnUpdate(call.Type, live.Json, after);
        Admit(call, live, after);
        if (call.Type.Generations && !call.IsStatus && SpecChanged(call, live.Json, after))
        {
            metadata["generation"] = (live.Json.Number("metadata", "generation") ?? 0) + 1;
        }

        var before = resetManagers ? [] : live.Managers;
        managers ??= ManagedFields.AfterUpdate(before, Writer(call, Manager.Update), live.Json, after, call.Version.Fields);
        if (!ReferenceEquals(managers, live.Managers))
        {
            metadata.Put("managedFields", ManagedFields.ToJson(managers));
        }

        if (live.Deleting && !after.Texts("metadata", "finalizers").Any() && (live.Json.Number("metadata", "deletionGracePeriodSeconds") ?? 0) == 0
            && !HoldsNamespace(call.Type, after))
        {
            return Remove(call, live, after);
        }

        return JsonNode.DeepEquals(after, live.Json) ? live : Put(call, live, after);
    }

    private static void CheckSame(Call call, Stored live, JsonObject metadata)
    {
        var (version, uid) = (metadata.Text("resourceVersion"), metadata.Text("uid"));
        if (version is { Length: > 0 } && version != live.Version.ToString())
        {
            throw ApiError.Stale(call.Type, call.Name);
        }

        if (uid is { Length: > 0 } && uid != live.Uid)
        {
            throw ApiError.Conflict(call.Type, call.Name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {live.Uid}");
        }
    }

    /// <summary>A write of <c>/status</c> takes the status alone, any other all but the status.</summary>
    private static JsonObject Split(Call call, Stored live, JsonObject body)
    {
        if (call.IsStatus)
        {
            var after = live.Json.Clone();
            after.Put("status", body["status"]?.DeepClone());
            return after;
        }

        if (call.Version.Status)
        {
            body.Put("status", live.Json["status"]?.DeepClone());
        }

        return body;
    }

    private static bool SpecChanged(Call call, JsonObject before, JsonObject after) =>
        before.Select(static p => p.Key).Union(after.Select(static p => p.Key))
            .Any(name => name != "metadata" && !(name == "status" && call.Version.Status) && !JsonNode.DeepEquals(before[name], after[name]));

    // A namespace stays, whatever its metadata's finalizers, until it is empty.
    private static bool HoldsNamespace(ResourceType type, JsonObject json) =>
        type is { Group: "", Plural: "namespaces" } && json.Texts("spec", "finalizers").Any();
}
