using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>What a write did, field by field.</summary>
internal sealed class Comparison
{
    public FieldSet Added { get; } = new();

    public FieldSet Modified { get; } = new();

    public FieldSet Removed { get; } = new();

    public FieldSet Written => Added.Union(Modified);

    public static Comparison Of(JsonNode? before, JsonNode? after, FieldType type)
    {
        var comparison = new Comparison();
        comparison.Compare(before, after, type, new Place(null, ""));
        return comparison;
    }

    private static void Compare(JsonObject before, JsonObject after, FieldType type, Comparison all, Place place)
    {
        foreach (var (name, old) in before)
        {
            all.Compare(old, after.TryGetPropertyValue(name, out var value) ? value : null, type.Field(name), new Place(place, "f:" + name));
        }

        foreach (var (name, value) in after)
        {
            if (!before.ContainsKey(name))
            {
                all.Compare(null, value, type.Field(name), new Place(place, "f:" + name));
            }
        }
    }

    private static void Compare(JsonArray before, JsonArray after, FieldType type, Comparison all, Place place)
    {
        var (old, now) = (Items(before, type), Items(after, type));
        foreach (var name in old.Keys.Union(now.Keys))
        {
            all.Compare(old.GetValueOrDefault(name), now.GetValueOrDefault(name), type.Item, new Place(place, name));
        }
    }

    private static Dictionary<string, JsonNode?> Items(JsonArray list, FieldType type)
    {
        var items = new Dictionary<string, JsonNode?>();
        foreach (var item in list)
        {
            // An item without its keys can come by an update; it is nobody's.
            if (type.ItemName(item) is { } name)
            {
                items[name] = item;
            }
        }

        return items;
    }

    private void Compare(JsonNode? before, JsonNode? after, FieldType type, Place place)
    {
        if (before is null && after is null)
        {
            return;
        }

        var map = (before ?? after) is JsonObject && (after ?? before) is JsonObject && !type.AtomicMap;
        var list = (before ?? after) is JsonArray && (after ?? before) is JsonArray && type.List != ListKind.Atomic;
        if (before is null)
        {
            place.In(Added).Owned = true;
        }
        else if (after is null)
        {
            place.In(Removed).Owned = true;
        }
        else if (!map && !list)
        {
            if (!JsonNode.DeepEquals(before, after))
            {
                place.In(Modified).Owned = true;
            }

            return;
        }

        if (map)
        {
            Compare(before as JsonObject ?? [], after as JsonObject ?? [], type, this, place);
        }
        else if (list)
        {
            Compare(before as JsonArray ?? [], after as JsonArray ?? [], type, this, place);
        }
    }

    /// <summary>Where the comparison is; made in a set only once there is something to say.</summary>
    private sealed class Place(Place? above, string name)
    {
        public FieldSet In(FieldSet root) => above is null ? root : above.In(root).Child(name);
    }
}
