using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>One page of a list.</summary>
internal sealed record Page(IReadOnlyList<Stored> Items, long Version, string? Continue, long? Remaining)
{
    /// <summary>Items are put together from bytes that are there already.</summary>
    public byte[] Bytes(ServedVersion version)
    {
        var writer = new ArrayBufferWriter<byte>(256 + Items.Sum(static i => i.Bytes.Length + 64));
        var metadata = new JsonObject { ["resourceVersion"] = Version.ToString() };
        metadata.Put("continue", Continue);
        metadata.Put("remainingItemCount", Remaining);
        writer.Write(Encoding.UTF8.GetBytes($"{{\"kind\":\"{version.Type.ListKind}\",\"apiVersion\":\"{version.ApiVersion}\",\"metadata\":"));
        writer.Write(metadata.Bytes());
        writer.Write(",\"items\":["u8);
        for (var i = 0; i < Items.Count; i++)
        {
            if (i > 0)
            {
                writer.Write(","u8);
            }

            // Items of built-in kinds come without apiVersion and kind.
            if (version.Type.Custom)
            {
                writer.Write(version.Prefix);
                writer.Write(Items[i].AfterBrace.Span);
            }
            else
            {
                writer.Write(Items[i].Bytes);
            }
        }

        writer.Write("]}"u8);
        return writer.WrittenSpan.ToArray();
    }
}

/// <summary>Lists, whole or by pages; the pages of one list show one moment.</summary>
internal sealed class Lists(World world)
{
    public Page List(ResourceType type, string? ns, IReadOnlyDictionary<string, string> query)
    {
        var selector = Selector.Parse(type, query.GetValueOrDefault("labelSelector"), query.GetValueOrDefault("fieldSelector"));
        var limit = query.GetValueOrDefault("limit") is { Length: > 0 } text ? (int)Query.Integer("limit", text) : 0;
        lock (world.Gate)
        {
            var (version, after) = Begin(type, query);
            var all = version == world.Version ? type.Table.All(ns) : type.Table.AllAt(ns, version);
            if (after is { } key)
            {
                all = all.SkipWhile(o => string.CompareOrdinal(o.Namespace, key.Namespace) is var order && (order < 0 || (order == 0 && string.CompareOrdinal(o.Name, key.Name) <= 0)));
            }

            var items = all.Where(selector.Matches).ToList();
            if (limit == 0 || items.Count <= limit)
            {
                return new Page(items, version, null, null);
            }

            var page = items[..limit];
            return new Page(page, version, Token(version, page[^1]), selector.Everything ? items.Count - limit : null);
        }
    }

    private (long Version, (string Namespace, string Name)? After) Begin(ResourceType type, IReadOnlyDictionary<string, string> query)
    {
        var match = query.GetValueOrDefault("resourceVersionMatch", "");
        var asked = Query.ResourceVersion(query);
        if (query.GetValueOrDefault("continue") is { Length: > 0 } token)
        {
            if (asked != 0 || match.Length > 0)
            {
                throw ApiError.Unknown(400, "BadRequest", "specifying resource version is not allowed when using continue");
            }

            return Continue(type, token);
        }

        if (match.Length > 0 && (match is not ("Exact" or "NotOlderThan") || !query.ContainsKey("resourceVersion") || (match == "Exact" && asked == 0)))
        {
            throw ApiError.Unknown(422, "Invalid", $"resourceVersionMatch {match} does not go with resourceVersion \"{query.GetValueOrDefault("resourceVersion")}\"");
        }

        if (asked > world.Version)
        {
            var error = new ApiError(504, "Timeout", $"Too large resource version: {asked}, current: {world.Version}");
            error.Details["retryAfterSeconds"] = 1;
            throw error.Because([new Cause("", "ResourceVersionTooLarge", "Too large resource version")]);
        }

        var exact = match == "Exact" || (match.Length == 0 && asked > 0 && query.GetValueOrDefault("limit", "0") != "0");
        if (!exact)
        {
            return (world.Version, null);
        }

        return asked < type.Table.Compacted ? throw ApiError.Expired("The resourceVersion for the provided list is too old.") : (asked, null);
    }

    private (long Version, (string Namespace, string Name)? After) Continue(ResourceType type, string token)
    {
        JsonNode? read;
        try
        {
            read = JsonNode.Parse(Convert.FromBase64String(token));
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            throw ApiError.Unknown(400, "BadRequest", "continue key is not valid: it is none that this server gave");
        }

        var after = (read.Text("ns") ?? "", read.Text("name") ?? "");
        var version = read.Number("v") ?? 0;

        // Of version 0 are the tokens that go on after an expiry, inconsistently.
        if (version != 0 && version < type.Table.Compacted)
        {
            throw new ApiError(
                410, "Expired", "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results.")
            {
                Continue = Token(0, after.Item1, after.Item2),
            };
        }

        return (version == 0 ? world.Version : version, after);
    }

    private static string Token(long version, Stored last) => Token(version, last.Namespace, last.Name);

    private static string Token(long version, string ns, string name) =>
        Convert.ToBase64String(new JsonObject { ["v"] = version, ["ns"] = ns, ["name"] = name }.Bytes());
}
