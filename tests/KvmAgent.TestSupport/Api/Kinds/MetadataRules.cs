using System.Collections.Frozen;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace KvmAgent.TestSupport.Api;

/// <summary>What holds for the metadata of every object.</summary>
internal static partial class MetadataRules
{
    private static readonly FrozenSet<string> Known = ((string[])
    [
        "name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
        "labels", "annotations", "ownerReferences", "finalizers", "managedFields", "selfLink",
    ]).ToFrozenSet();

    /// <returns>The paths of what was not known.</returns>
    public static List<string> Prune(JsonObject metadata)
    {
        var unknown = metadata.Select(static p => p.Key).Where(static name => !Known.Contains(name)).ToList();
        foreach (var name in unknown)
        {
            metadata.Remove(name);
        }

        metadata.Remove("selfLink");
        foreach (var name in (string[])["labels", "annotations", "ownerReferences", "finalizers"])
        {
            if (metadata.ContainsKey(name) && metadata[name] is null or JsonArray { Count: 0 })
            {
                metadata.Remove(name);
            }
        }

        return [.. unknown.Select(static name => "metadata." + name)];
    }

    public static List<Cause> Check(ResourceType type, JsonObject json, Stored? before)
    {
        var causes = new List<Cause>();
        var metadata = json.Metadata();
        var name = metadata.Text("name") ?? "";
        if (name.Length == 0)
        {
            causes.Add(Cause.Required("metadata.name", "name or generateName is required"));
        }
        else if (!NameHolds(type.Names, name))
        {
            causes.Add(Cause.Invalid("metadata.name", $"\"{name}\"", type.Names switch
            {
                NameRule.Label => "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
                NameRule.Subdomain => "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
                _ => "may not contain '/' or '%'",
            }));
        }

        CheckLabels(metadata, causes);
        foreach (var (key, value) in metadata.Object("annotations") ?? [])
        {
            Expect(QualifiedName().IsMatch(key.ToLowerInvariant()), "metadata.annotations", $"\"{key}\"", "name part must consist of alphanumeric characters, '-', '_' or '.'", causes);
            Expect(value.Text() is not null, "metadata.annotations", value?.ToJsonString(), "must be a string", causes);
        }

        CheckOwners(metadata, causes);
        if (before is { Deleting: true } && json.Texts("metadata", "finalizers").Except(before.Finalizers).ToList() is { Count: > 0 } added)
        {
            causes.Add(Cause.Forbidden("metadata.finalizers", $"no new finalizers can be added if the object is being deleted, found new finalizers {string.Join(", ", added)}"));
        }

        return causes;
    }

    private static void CheckLabels(JsonObject metadata, List<Cause> causes)
    {
        foreach (var (key, value) in metadata.Object("labels") ?? [])
        {
            Expect(QualifiedName().IsMatch(key), "metadata.labels", $"\"{key}\"", "name part must consist of alphanumeric characters, '-', '_' or '.'", causes);
            Expect(
                value.Text() is { } text && LabelValue().IsMatch(text), "metadata.labels", value?.ToJsonString(),
                "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', of at most 63 characters", causes);
        }
    }

    private static void CheckOwners(JsonObject metadata, List<Cause> causes)
    {
        var owners = metadata.Array("ownerReferences")?.OfType<JsonObject>().ToList() ?? [];
        foreach (var owner in owners)
        {
            foreach (var field in (string[])["apiVersion", "kind", "name", "uid"])
            {
                if (owner.Text(field) is not { Length: > 0 })
                {
                    causes.Add(Cause.Invalid($"metadata.ownerReferences.{field}", "\"\"", "must not be empty"));
                }
            }
        }

        if (owners.Count(static o => o.Flag("controller") == true) > 1)
        {
            causes.Add(Cause.Invalid("metadata.ownerReferences", null, "Only one reference can have Controller set to true"));
        }
    }

    private static void Expect(bool holds, string field, string? value, string why, List<Cause> causes)
    {
        if (!holds)
        {
            causes.Add(Cause.Invalid(field, value, why));
        }
    }

    private static bool NameHolds(NameRule rule, string name) => rule switch
    {
        NameRule.Label => Label().IsMatch(name),
        NameRule.Subdomain => name.Length <= 253 && Subdomain().IsMatch(name),
        _ => name is not ("." or "..") && !name.Contains('/', StringComparison.Ordinal) && !name.Contains('%', StringComparison.Ordinal),
    };

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\z")]
    private static partial Regex Label();

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z")]
    private static partial Regex Subdomain();

    [GeneratedRegex(@"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\z")]
    private static partial Regex QualifiedName();

    [GeneratedRegex(@"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?\z")]
    private static partial Regex LabelValue();
}
