using System.Buffers;
using System.Text.Json;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes;

/// <summary>Reads one line of a watch: <c>{"type":"ADDED","object":{…}}</c>.</summary>
internal static class WatchLine
{
    /// <returns>Null for a type that is not known.</returns>
    /// <exception cref="KubernetesException">It is an ERROR.</exception>
    /// <exception cref="JsonException">It is no event.</exception>
    public static WatchEvent<T>? Parse<T>(ResourceKind<T> kind, string request, ReadOnlySequence<byte> line)
        where T : class, IKubernetesObject
    {
        var bytes = line.IsSingleSegment ? line.FirstSpan : line.ToArray();
        string? type = null;
        ReadOnlySpan<byte> content = default;
        var reader = new Utf8JsonReader(bytes);
        reader.Read();
        KubernetesJson.Expect(ref reader, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isType = reader.ValueTextEquals("type"u8);
            var isObject = reader.ValueTextEquals("object"u8);
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            type = isType ? reader.GetString() : type;
            reader.Skip();
            content = isObject ? bytes[start..(int)reader.BytesConsumed] : content;
        }

        return type switch
        {
            "ADDED" => Change(WatchEventType.Added, KubernetesJson.ReadObject(kind, content)),
            "MODIFIED" => Change(WatchEventType.Modified, KubernetesJson.ReadObject(kind, content)),
            "DELETED" => Change(WatchEventType.Deleted, KubernetesJson.ReadObject(kind, content)),
            // Nothing of it but the metadata is there: it need not fit the kind.
            "BOOKMARK" => new WatchEvent<T>(WatchEventType.Bookmark, null, JsonSerializer.Deserialize(content, KubernetesJson.Default.Bookmark)?.Metadata?.ResourceVersion),
            "ERROR" => throw Failure.Of(request, content),
            null => throw new JsonException("no type: not an event of a watch"),
            _ => null,
        };
    }

    private static WatchEvent<T> Change<T>(WatchEventType type, T obj)
        where T : class, IKubernetesObject =>
        new(type, obj, obj.Metadata.ResourceVersion);
}

/// <summary>What all objects have, and a bookmark alone.</summary>
internal sealed record Bookmark
{
    public ObjectMeta? Metadata { get; init; }
}
