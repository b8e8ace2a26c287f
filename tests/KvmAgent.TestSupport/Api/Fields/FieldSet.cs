using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>Fields that a manager owns, as <c>fieldsV1</c> has them: a tree of <c>f:name</c>, <c>k:{keys}</c> and <c>v:value</c>.</summary>
internal sealed class FieldSet
{
    /// <summary>The field itself is in the set; otherwise only what is below it.</summary>
    public bool Owned { get; set; }

    public SortedDictionary<string, FieldSet> Children { get; } = new(StringComparer.Ordinal);

    public bool Empty => !Owned && Children.Count == 0;

    public static FieldSet Parse(JsonObject fieldsV1)
    {
        var set = new FieldSet { Owned = fieldsV1.Count == 0 || fieldsV1.ContainsKey(".") };
        foreach (var (name, below) in fieldsV1)
        {
            if (name != ".")
            {
                set.Children[name] = Parse(below as JsonObject ?? []);
            }
        }

        return set;
    }

    /// <summary>All that the object has: what an apply of it owns.</summary>
    public static FieldSet Of(JsonNode? node, FieldType type)
    {
        var set = new FieldSet();
        switch (node)
        {
            case JsonObject map when map.Count > 0 && !type.AtomicMap:
                foreach (var (name, value) in map)
                {
                    var field = Of(value, type.Field(name));
                    field.Owned |= !type.IsStructField(name);
                    set.Children["f:" + name] = field;
                }

                break;
            case JsonArray list when list.Count > 0 && type.List != ListKind.Atomic:
                foreach (var item in list)
                {
                    var field = type.List == ListKind.Map ? Of(item, type.Item) : new FieldSet();
                    field.Owned = true;
                    set.Children[type.ItemName(item) ?? throw KeyMissing(type)] = field;
                }

                break;
            default:
                set.Owned = true;
                break;
        }

        return set;
    }

    public static ApiError KeyMissing(FieldType type) => ApiError.Unknown(
        500, "InternalError", $"failed to create typed patch object: associative list has an element that omits key field \"{string.Join("\", \"", type.Keys)}\"");

    public JsonObject ToJson()
    {
        var json = new JsonObject();
        if (Owned && Children.Count > 0)
        {
            json["."] = new JsonObject();
        }

        foreach (var (name, below) in Children)
        {
            json[name] = below.ToJson();
        }

        return json;
    }

    public FieldSet Child(string name)
    {
        if (!Children.TryGetValue(name, out var child))
        {
            Children[name] = child = new FieldSet();
        }

        return child;
    }

    public FieldSet Union(FieldSet other)
    {
        var result = new FieldSet { Owned = Owned || other.Owned };
        foreach (var name in Children.Keys.Union(other.Children.Keys))
        {
            var (mine, theirs) = (Children.GetValueOrDefault(name), other.Children.GetValueOrDefault(name));
            result.Children[name] = mine is null ? theirs! : theirs is null ? mine : mine.Union(theirs);
        }

        return result;
    }

    public FieldSet Intersect(FieldSet other)
    {
        var result = new FieldSet { Owned = Owned && other.Owned };
        foreach (var (name, mine) in Children)
        {
            if (other.Children.TryGetValue(name, out var theirs) && mine.Intersect(theirs) is { Empty: false } both)
            {
                result.Children[name] = both;
            }
        }

        return result;
    }

    public FieldSet Minus(FieldSet other)
    {
        if (other.Empty)
        {
            return this;
        }

        var result = new FieldSet { Owned = Owned && !other.Owned };
        foreach (var (name, mine) in Children)
        {
            var left = other.Children.TryGetValue(name, out var theirs) ? mine.Minus(theirs) : mine;
            if (!left.Empty)
            {
                result.Children[name] = left;
            }
        }

        return result;
    }

    public bool Same(FieldSet other) =>
        Owned == other.Owned && Children.Count == other.Children.Count
        && Children.All(child => other.Children.TryGetValue(child.Key, out var theirs) && child.Value.Same(theirs));

    /// <summary>As conflicts name fields: <c>.spec.containers[name="vm"].image</c>.</summary>
    public IEnumerable<string> Paths(string above = "")
    {
        if (Owned && above.Length > 0)
        {
            yield return above;
        }

        foreach (var (name, below) in Children)
        {
            foreach (var path in below.Paths(above + Step(name)))
            {
                yield return path;
            }
        }
    }

    private static string Step(string name) => name[0] switch
    {
        'f' => "." + name[2..],
        'v' => $"[={name[2..]}]",
        _ => $"[{string.Join(",", JsonNode.Parse(name[2..])!.AsObject().Select(static key => $"{key.Key}={key.Value?.ToJsonString(Json.Compact)}"))}]",
    };
}
