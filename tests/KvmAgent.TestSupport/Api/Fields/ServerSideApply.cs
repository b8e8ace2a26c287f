using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>
/// Server-side apply: what a manager sends is merged in and becomes its own; what it sent last time and does not now goes, unless another
/// owns it; what it would change of another's is a conflict, unless it forces.
/// </summary>
internal static class ServerSideApply
{
    /// <param name="live">Empty where there is nothing yet.</param>
    /// <param name="config">What the client sent, without apiVersion and kind.</param>
    public static (JsonObject Object, IReadOnlyList<Manager> Managers) Apply(
        JsonObject live, IReadOnlyList<Manager> managers, JsonObject config, Manager applier, bool force, FieldType type)
    {
        WithoutNulls(config);
        var applied = ManagedFields.WithoutSystem(FieldSet.Of(config, type));
        var last = managers.FirstOrDefault(m => m.Is(applier));
        var merged = (JsonObject)Merge(live, config, type)!;
        var others = managers.Where(m => !m.Is(applier)).ToList();
        if (last is not null)
        {
            var kept = others.Aggregate(applied, static (all, other) => all.Union(other.Fields));
            RemoveUnowned(merged, last.Fields.Minus(kept), kept, type, []);
        }

        var comparison = Comparison.Of(live, merged, type);
        var changed = ManagedFields.WithoutSystem(comparison.Written);
        var conflicts = others.Select(m => (Manager: m, Fields: m.Fields.Intersect(changed))).Where(static c => !c.Fields.Empty).ToList();
        if (conflicts.Count > 0 && !force)
        {
            throw Conflict(conflicts);
        }

        var removed = ManagedFields.WithoutSystem(comparison.Removed);
        var result = others.Select(m => m with { Fields = m.Fields.Minus(changed).Minus(removed) }).Where(static m => !m.Fields.Empty).ToList();
        result.Insert(0, last is not null && last.Fields.Same(applied) ? last : applier with { Fields = applied });
        return (merged, [.. result.Where(static m => !m.Fields.Empty)]);
    }

    public static JsonNode? Merge(JsonNode? live, JsonNode? config, FieldType type)
    {
        if (live is JsonObject liveMap && config is JsonObject map && !type.AtomicMap)
        {
            var merged = liveMap.Clone();
            foreach (var (name, value) in map)
            {
                merged[name] = liveMap.TryGetPropertyValue(name, out var old) ? Merge(old, value, type.Field(name)) : value?.DeepClone();
            }

            return merged;
        }

        if (live is JsonArray liveList && config is JsonArray list && type.List != ListKind.Atomic)
        {
            return Merge(liveList, list, type);
        }

        return config?.DeepClone();
    }

    // What is there keeps its place; what is new comes after it.
    private static JsonArray Merge(JsonArray live, JsonArray config, FieldType type)
    {
        var merged = (JsonArray)live.DeepClone();
        var seen = new HashSet<string>();
        foreach (var item in config)
        {
            var name = type.ItemName(item) ?? throw FieldSet.KeyMissing(type);
            if (!seen.Add(name))
            {
                throw ApiError.Unknown(500, "InternalError", $"failed to create typed patch object: duplicate entries for key [{name[2..]}]");
            }

            var index = IndexOf(merged, name, type);
            if (index < 0)
            {
                merged.Add(item?.DeepClone());
            }
            else if (type.List == ListKind.Map)
            {
                merged[index] = Merge(merged[index]!.DeepClone(), item, type.Item);
            }
        }

        return merged;
    }

    private static int IndexOf(JsonArray list, string name, FieldType type)
    {
        for (var i = 0; i < list.Count; i++)
        {
            if (type.ItemName(list[i]) == name)
            {
                return i;
            }
        }

        return -1;
    }

    private static void RemoveUnowned(JsonNode node, FieldSet remove, FieldSet kept, FieldType type, IReadOnlyList<string> keys)
    {
        foreach (var (name, below) in remove.Children)
        {
            var keep = kept.Children.GetValueOrDefault(name);
            if (node is JsonObject map && name.StartsWith("f:", StringComparison.Ordinal))
            {
                var field = name[2..];
                if (map[field] is not { } value || keys.Contains(field))
                {
                    continue;
                }

                if ((below.Owned && keep is null) || !RemoveWithin(value, below, keep, type.Field(field), []))
                {
                    map.Remove(field);
                }
            }
            else if (node is JsonArray list && IndexOf(list, name, type) is >= 0 and var index)
            {
                if ((below.Owned && keep is null) || !RemoveWithin(list[index]!, below, keep, type.Item, type.Keys))
                {
                    list.RemoveAt(index);
                }
            }
        }
    }

    /// <returns>Whether something is left of it that is to stay.</returns>
    private static bool RemoveWithin(JsonNode value, FieldSet remove, FieldSet? kept, FieldType type, IReadOnlyList<string> keys)
    {
        RemoveUnowned(value, remove, kept ?? new FieldSet(), type, keys);
        var emptied = remove.Children.Count > 0 && value is JsonObject { Count: 0 } or JsonArray { Count: 0 };
        return !emptied || kept is not null;
    }

    private static void WithoutNulls(JsonNode? node)
    {
        if (node is JsonObject map)
        {
            foreach (var name in map.Where(static p => p.Value is null).Select(static p => p.Key).ToList())
            {
                map.Remove(name);
            }

            foreach (var (_, value) in map)
            {
                WithoutNulls(value);
            }
        }
        else if (node is JsonArray list)
        {
            foreach (var item in list)
            {
                WithoutNulls(item);
            }
        }
    }

    private static ApiError Conflict(List<(Manager Manager, FieldSet Fields)> conflicts)
    {
        var causes = new List<Cause>();
        var said = new List<string>();
        foreach (var (manager, fields) in conflicts)
        {
            var who = $"\"{manager.Name}\"{(manager.Subresource.Length == 0 ? "" : $" with subresource \"{manager.Subresource}\"")} using {manager.ApiVersion}";
            foreach (var path in fields.Paths())
            {
                causes.Add(new Cause(path, "FieldManagerConflict", $"conflict with {who}"));
                said.Add($"conflict with {who}: {path}");
            }
        }

        return new ApiError(409, "Conflict", $"Apply failed with {causes.Count} conflict{(causes.Count == 1 ? "" : "s")}: {string.Join("; ", said)}").Because(causes);
    }
}
