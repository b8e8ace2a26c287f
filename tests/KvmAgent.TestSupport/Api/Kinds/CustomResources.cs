using System.Collections.Frozen;
using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>Makes kinds of CustomResourceDefinitions, as they are written, and takes them away.</summary>
internal sealed class CustomResources
{
    public const string Cleanup = "customresourcecleanup.apiextensions.k8s.io";

    private static readonly FrozenSet<string> Keywords = ((string[])
    [
        "$ref", "$schema", "id", "title", "description", "type", "format", "default", "example", "externalDocs", "nullable", "properties", "items",
        "additionalProperties", "required", "enum", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
        "maxLength", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "allOf", "anyOf", "oneOf", "not",
        "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string", "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys", "x-kubernetes-map-type", "x-kubernetes-validations",
    ]).ToFrozenSet();

    private readonly World _world;
    private readonly CelRules _rules;

    public CustomResources(World world, CelRules rules)
    {
        (_world, _rules) = (world, rules);
        world.Changed += OnChanged;
    }

    public IEnumerable<Cause> Check(JsonObject crd)
    {
        var (group, plural, name) = (crd.Text("spec", "group"), crd.Text("spec", "names", "plural"), crd.Text("metadata", "name"));
        if (name != $"{plural}.{group}")
        {
            yield return Cause.Invalid("metadata.name", $"\"{name}\"", $"must be spec.names.plural+\".\"+spec.group: {plural}.{group}");
        }

        var versions = crd.Array("spec", "versions")?.OfType<JsonObject>().ToList() ?? [];
        if (versions.Count(static v => v.Flag("storage") == true) != 1)
        {
            yield return Cause.Invalid("spec.versions", null, "must have exactly one version marked as storage version");
        }

        if (crd.Text("spec", "scope") is not ("Namespaced" or "Cluster"))
        {
            yield return new Cause("spec.scope", "FieldValueNotSupported", "Unsupported value: supported values: \"Cluster\", \"Namespaced\"");
        }

        if (crd.Text("spec", "conversion", "strategy") is not (null or "None"))
        {
            throw ApiError.Unknown(422, "Invalid", $"CustomResourceDefinition {name} has a conversion webhook, which this server does not call");
        }

        foreach (var version in versions)
        {
            if (version.At("schema", "openAPIV3Schema") is not JsonObject schema)
            {
                yield return Cause.Required($"spec.versions[{version.Text("name")}].schema.openAPIV3Schema", "schemas are required");
                continue;
            }

            CheckKeywords(schema, name ?? "", version.Text("name") ?? "");
            _rules.RequireKnown(schema, name ?? "");
        }
    }

    private static void CheckKeywords(JsonObject schema, string crd, string path)
    {
        foreach (var (keyword, value) in schema)
        {
            if (!Keywords.Contains(keyword))
            {
                throw ApiError.Unknown(422, "Invalid", $"CustomResourceDefinition {crd}, schema at {path}: {keyword} is not known here");
            }

            if (keyword == "properties")
            {
                foreach (var (name, below) in value as JsonObject ?? [])
                {
                    CheckKeywords(below as JsonObject ?? [], crd, $"{path}.{name}");
                }
            }
            else if (keyword is "items" or "additionalProperties" or "not" && value is JsonObject below)
            {
                CheckKeywords(below, crd, $"{path}.{keyword}");
            }
        }
    }

    private void OnChanged(ResourceType type, Change change)
    {
        if (type is not { Group: "apiextensions.k8s.io", Plural: "customresourcedefinitions" })
        {
            return;
        }

        var crd = change.Object.Json;
        if (change.Kind == ChangeKind.Deleted)
        {
            var gone = _world.TypeOf(crd.Text("spec", "group")!, crd.Text("spec", "names", "plural")!);
            gone.Table.Watchers.ForEach(static watcher => watcher.Close());
            _world.Unregister(gone);
            return;
        }

        Register(crd);
        if (change.Kind == ChangeKind.Added)
        {
            var established = crd.Clone();
            established["status"] = StatusOf(crd, _world.Timestamp);
            established.Metadata()["finalizers"] = new JsonArray(Cleanup);
            _world.Put(type, change.Object, established);
        }
    }

    private void Register(JsonObject crd)
    {
        var (group, names) = (crd.Text("spec", "group")!, crd.Object("spec", "names")!);
        var type = _world.Type(group, names.Text("plural")!) ?? new ResourceType(group, names.Text("plural")!, names.Text("kind")!, crd.Text("spec", "scope") == "Namespaced")
        {
            Custom = true,
            Generations = true,
            UnconditionalUpdate = false,
            ListKind = names.Text("listKind") ?? names.Text("kind") + "List",
            Singular = names.Text("singular") ?? names.Text("kind")!.ToLowerInvariant(),
        };
        type.ShortNames = [.. names.Texts("shortNames")];
        type.Categories = [.. names.Texts("categories")];
        var versions = crd.Array("spec", "versions")!.OfType<JsonObject>().ToList();
        type.Selectable = [.. versions.SelectMany(static v => v.Array("selectableFields") ?? []).Select(static f => f.Text("jsonPath")?.TrimStart('.')).OfType<string>().Distinct()];
        type.Versions = [.. versions.Select(version => Version(type, version))];
        _world.Register(type);
    }

    private static ServedVersion Version(ResourceType type, JsonObject version)
    {
        var schema = version.Object("schema", "openAPIV3Schema")!;
        return new ServedVersion(type, version.Text("name")!)
        {
            Served = version.Flag("served") == true,
            Storage = version.Flag("storage") == true,
            Status = version.At("subresources", "status") is not null,
            Schema = schema,
            Fields = new SchemaFields(schema, root: true),
            Columns = version.Array("additionalPrinterColumns") ?? [],
        };
    }

    private static JsonObject StatusOf(JsonObject crd, string now)
    {
        JsonObject Condition(string type, string reason, string message) => new()
        {
            ["type"] = type,
            ["status"] = "True",
            ["lastTransitionTime"] = now,
            ["reason"] = reason,
            ["message"] = message,
        };
        var stored = crd.Array("spec", "versions")!.First(static v => v.Flag("storage") == true).Text("name");
        return new JsonObject
        {
            ["conditions"] = new JsonArray(
                Condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                Condition("Established", "InitialNamesAccepted", "the initial names have been accepted")),
            ["acceptedNames"] = crd.Object("spec", "names")!.Clone(),
            ["storedVersions"] = new JsonArray(stored),
        };
    }
}
