using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

internal sealed partial class Verbs
{
    private static readonly string[] GivenByServer =
        ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink", "managedFields"];

    public Outcome Create(Call call, JsonObject body)
    {
        Unwrap(call, body);
        lock (world.Gate)
        {
            return new Outcome(201, Create(call, body, null));
        }
    }

    /// <param name="managers">Null: the writer owns all that it sent.</param>
    private Stored Create(Call call, JsonObject body, IReadOnlyList<Manager>? managers)
    {
        var metadata = body.Metadata();
        CheckNamespaceOf(call, metadata);
        if (metadata.Text("resourceVersion") is { Length: > 0 })
        {
            throw ApiError.Unknown(500, "InternalError", "resourceVersion should not be set on objects to be created");
        }

        foreach (var name in GivenByServer)
        {
            metadata.Remove(name);
        }

        metadata.Remove("resourceVersion");
        var prefix = metadata.Text("generateName");
        if (metadata.Text("name") is not { Length: > 0 } && prefix is { Length: > 0 })
        {
            metadata["name"] = prefix + RandomNumberGenerator.GetString("bcdfghjklmnpqrstvwxz2456789", 5);
        }

        CheckNamespaceTakes(call, metadata.Text("name") ?? "");
        var after = Ordered(body);
        if (call.Version.Status && !KindRules.KeepsStatusOnCreate(call.Type))
        {
            after.Remove("status");
        }

        KindRules.OnCreate(call.Type, after);
        Admit(call, null, after);
        var given = after.Metadata();
        var objectName = given.Text("name")!;
        if (call.Type.Table.Find(call.Namespace, objectName) is not null)
        {
            throw ApiError.AlreadyExists(call.Type, objectName);
        }

        given["uid"] = Guid.NewGuid().ToString();
        given["creationTimestamp"] = world.Timestamp;
        if (call.Type.Generations)
        {
            given["generation"] = 1;
        }

        managers ??= ManagedFields.AfterUpdate([], Writer(call, Manager.Update), null, after, call.Version.Fields);
        given.Put("managedFields", ManagedFields.ToJson(managers));
        return Put(call, null, after);
    }

    private void CheckNamespaceTakes(Call call, string name)
    {
        if (!call.Type.Namespaced)
        {
            return;
        }

        var namespaces = world.TypeOf("", "namespaces");
        var ns = namespaces.Table.Find("", call.Namespace) ?? throw ApiError.NotFound(namespaces, call.Namespace);
        if (ns.Deleting)
        {
            throw ApiError.Forbidden(call.Type, name, $"unable to create new content in namespace {call.Namespace} because it is being terminated")
                .Because([new Cause("metadata.namespace", "NamespaceTerminating", $"namespace {call.Namespace} is being terminated")]);
        }
    }

    private static JsonObject Ordered(JsonObject body)
    {
        var metadata = body.Metadata();
        body.Remove("metadata");
        var ordered = new JsonObject { ["metadata"] = metadata };
        foreach (var (name, value) in body.ToList())
        {
            body.Remove(name);
            ordered[name] = value;
        }

        return ordered;
    }
}
