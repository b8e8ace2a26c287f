using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>What requests do to objects. Each verb runs under the world's lock from its first look to its write.</summary>
internal sealed partial class Verbs(World world, CelRules cel, CustomResources crds)
{
    public Stored Get(Call call)
    {
        lock (world.Gate)
        {
            return Live(call);
        }
    }

    private static Stored Live(Call call) => call.Type.Table.Find(call.Namespace, call.Name) ?? throw ApiError.NotFound(call.Type, call.Name);

    private Manager Writer(Call call, string operation) =>
        new(call.Manager, operation, call.Version.ApiVersion, call.Subresource, world.Timestamp, new FieldSet());

    private Stored Put(Call call, Stored? before, JsonObject after) =>
        call.DryRun ? new Stored(after, before?.Version ?? world.Version) : world.Put(call.Type, before, after);

    private Stored Remove(Call call, Stored before, JsonObject? last = null) => call.DryRun ? before : world.Remove(call.Type, before, last);

    /// <summary>Takes apiVersion and kind away, once they are the request's.</summary>
    private static void Unwrap(Call call, JsonObject body)
    {
        var (apiVersion, kind) = (body.Text("apiVersion"), body.Text("kind"));
        if (apiVersion != call.Version.ApiVersion || kind != call.Type.Kind)
        {
            throw ApiError.Unknown(
                400, "BadRequest",
                $"the API version in the data ({apiVersion}, Kind={kind}) does not match the expected API version ({call.Version.ApiVersion}, Kind={call.Type.Kind})");
        }

        body.Remove("apiVersion");
        body.Remove("kind");
        if (body["metadata"] is not (null or JsonObject))
        {
            throw ApiError.Unknown(400, "BadRequest", "metadata is not an object");
        }
    }

    private static void CheckNamespaceOf(Call call, JsonObject metadata)
    {
        var given = metadata.Text("namespace") ?? "";
        if (given.Length > 0 && given != call.Namespace)
        {
            throw ApiError.Unknown(400, "BadRequest", $"the namespace of the provided object does not match the namespace sent on the request ({given}, {call.Namespace})");
        }

        metadata.Put("namespace", call.Namespace.Length == 0 ? null : call.Namespace);
    }

    private static void CheckUnknown(Call call, List<string> unknown)
    {
        if (unknown.Count == 0 || call.FieldValidation == "Ignore")
        {
            return;
        }

        if (call.FieldValidation == "Strict")
        {
            throw ApiError.BadRequest($"strict decoding error: {string.Join(", ", unknown.Select(static u => $"unknown field \"{u}\""))}");
        }

        call.Warnings.AddRange(unknown.Select(static u => $"unknown field \"{u}\""));
    }

    /// <summary>Unknown fields and nulls go, defaults come; then all that is wrong with it is told at once.</summary>
    private void Admit(Call call, Stored? before, JsonObject after)
    {
        var unknown = MetadataRules.Prune(after.Metadata());
        if (call.Version.Schema is { } schema)
        {
            unknown.AddRange(Pruning.Prune(after, schema));
            CheckUnknown(call, unknown);
            Pruning.Default(after, schema);
        }
        else
        {
            foreach (var name in after.Select(static p => p.Key).Where(name => name != "metadata" && call.Type.Fields?.Contains(name) == false).ToList())
            {
                unknown.Add(name);
                after.Remove(name);
            }

            CheckUnknown(call, unknown);

            // Of these the shapes are nobody's own: who sends an unknown field has mistaken it.
            call.Complaints.AddRange(unknown.Select(u => $"{call.Type.Kind} has no field {u}"));
        }

        var causes = MetadataRules.Check(call.Type, after, before);
        causes.AddRange(KindRules.Check(call, before?.Json, after));
        if (call.Version.Schema is { } rules)
        {
            causes.AddRange(SchemaValidation.Check(after, before?.Json, rules, cel));
        }

        if (call.Type is { Group: "apiextensions.k8s.io", Plural: "customresourcedefinitions" })
        {
            causes.AddRange(crds.Check(after));
        }

        if (causes.Count > 0)
        {
            throw ApiError.Invalid(call.Type, after.Metadata().Text("name") ?? "", causes);
        }
    }
}
