using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>
/// Strategic merge for built-in kinds: lists of objects are merged by their key, lists of values that have the strategy are united;
/// <c>$patch: delete|replace|merge</c>, <c>$deleteFromPrimitiveList</c>, <c>$setElementOrder</c> and <c>$retainKeys</c> are known.
/// </summary>
internal static class StrategicPatch
{
    private const string Directive = "$patch", DeleteValues = "$deleteFromPrimitiveList/", Order = "$setElementOrder/", Retain = "$retainKeys";

    public static JsonObject Apply(JsonObject target, JsonObject patch, FieldType type)
    {
        switch (patch.Text(Directive))
        {
            case "replace":
                var whole = patch.Clone();
                whole.Remove(Directive);
                return whole;
            case "delete":
                return [];
            case null or "merge":
                break;
            case var other:
                throw ApiError.Unknown(400, "BadRequest", $"Unknown patch type: {other}");
        }

        if (patch.Array(Retain) is { } retained)
        {
            var keep = retained.Select(static k => k.Text()).ToHashSet();
            foreach (var name in target.Select(static p => p.Key).Where(name => !keep.Contains(name)).ToList())
            {
                target.Remove(name);
            }
        }

        foreach (var (name, value) in patch)
        {
            ApplyField(target, name, value, type);
        }

        foreach (var (name, value) in patch)
        {
            if (name.StartsWith(Order, StringComparison.Ordinal) && value is JsonArray order)
            {
                var field = name[Order.Length..];
                Sort(target, field, order, type.Field(field));
            }
        }

        return target;
    }

    private static void ApplyField(JsonObject target, string name, JsonNode? value, FieldType type)
    {
        if (name.StartsWith(DeleteValues, StringComparison.Ordinal))
        {
            foreach (var gone in value as JsonArray ?? [])
            {
                if (target[name[DeleteValues.Length..]] is JsonArray list)
                {
                    list.RemoveAll(item => JsonNode.DeepEquals(item, gone));
                }
            }

            return;
        }

        if (name is Directive or Retain || name.StartsWith(Order, StringComparison.Ordinal))
        {
            return;
        }

        if (name.StartsWith('$'))
        {
            throw ApiError.Unknown(400, "BadRequest", $"{name} is no directive of strategic merge patches");
        }

        var field = type.Field(name);
        switch (target[name], value)
        {
            case (_, null):
                target.Remove(name);
                break;
            case (JsonObject old, JsonObject map):
                target.Remove(name);
                target[name] = Apply(old, map, field);
                break;
            case (_, JsonObject map):
                target[name] = Apply([], map, field);
                break;
            case (var old, JsonArray list) when field.List != ListKind.Atomic:
                target[name] = Merge(old as JsonArray ?? [], list, field);
                break;
            default:
                target[name] = value.DeepClone();
                break;
        }
    }

    private static JsonArray Merge(JsonArray old, JsonArray patch, FieldType type)
    {
        var list = (JsonArray)old.DeepClone();
        if (patch.Any(static item => item.Text(Directive) == "replace"))
        {
            return [.. patch.Where(static item => item.Text(Directive) != "replace").Select(static item => item?.DeepClone())];
        }

        foreach (var item in patch)
        {
            var index = Find(list, item, type);
            if (item.Text(Directive) == "delete")
            {
                if (index >= 0)
                {
                    list.RemoveAt(index);
                }
            }
            else if (index < 0)
            {
                list.Add(item is JsonObject map ? Apply([], map, type.Item) : item?.DeepClone());
            }
            else if (item is JsonObject map)
            {
                list[index] = Apply(list[index]!.AsObject().Clone(), map, type.Item);
            }
        }

        return list;
    }

    private static int Find(JsonArray list, JsonNode? item, FieldType type)
    {
        if (type is not BuiltInFields { PatchMergeKey: { } key })
        {
            return list.ToList().FindIndex(other => JsonNode.DeepEquals(other, item));
        }

        var wanted = item.At(key) ?? throw ApiError.Unknown(400, "BadRequest", $"map: {item?.ToJsonString()} does not contain declared merge key: {key}");
        return list.ToList().FindIndex(other => JsonNode.DeepEquals(other.At(key), wanted));
    }

    private static void Sort(JsonObject target, string field, JsonArray order, FieldType type)
    {
        if (target[field] is not JsonArray list)
        {
            return;
        }

        var places = list.Select((item, at) => (Item: item?.DeepClone(), Place: Find(order, item, type) is >= 0 and var place ? place : order.Count + at));
        target[field] = new JsonArray([.. places.OrderBy(static p => p.Place).Select(static p => p.Item)]);
    }
}
