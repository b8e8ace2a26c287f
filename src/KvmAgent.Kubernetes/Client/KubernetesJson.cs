using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Status))]
[JsonSerializable(typeof(ListMeta))]
[JsonSerializable(typeof(Bookmark))]
[JsonSerializable(typeof(Lease))]
[JsonSerializable(typeof(TokenReview))]
[JsonSerializable(typeof(SubjectAccessReview))]
[JsonSerializable(typeof(ExecCredential))]
internal sealed partial class KubernetesJson : JsonSerializerContext
{
    /// <summary>The body for an object: the items of lists come without apiVersion and kind, and no server takes a body without them.</summary>
    public static JsonObject Write<T>(ResourceKind<T> kind, T obj)
        where T : class, IKubernetesObject
    {
        var json = JsonSerializer.SerializeToNode(obj, kind.Json)!.AsObject();
        json.Remove("apiVersion");
        json.Remove("kind");
        json.Insert(0, "apiVersion", kind.ApiVersion);
        json.Insert(1, "kind", kind.Kind);
        return json;
    }

    public static byte[] Bytes(JsonNode node)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            node.WriteTo(writer);
        }

        return buffer.ToArray();
    }

    /// <exception cref="JsonException">It does not fit the kind.</exception>
    public static T ReadObject<T>(ResourceKind<T> kind, ReadOnlySpan<byte> json)
        where T : class, IKubernetesObject =>
        Whole(kind, JsonSerializer.Deserialize(json, kind.Json));

    /// <summary>Item by item off the bytes: a list of thousands is in memory once, not once more as a tree.</summary>
    /// <exception cref="JsonException">It is no list of the kind.</exception>
    public static ResourceList<T> ReadList<T>(ResourceKind<T> kind, ReadOnlySpan<byte> json)
        where T : class, IKubernetesObject
    {
        ListMeta? metadata = null;
        List<T>? items = null;
        var reader = new Utf8JsonReader(json);
        reader.Read();
        Expect(ref reader, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("metadata"u8))
            {
                reader.Read();
                metadata = JsonSerializer.Deserialize(ref reader, Default.ListMeta);
            }
            else if (reader.ValueTextEquals("items"u8))
            {
                reader.Read();
                items = ReadItems(kind, ref reader);
            }
            else
            {
                reader.Skip();
            }
        }

        // An answer without items must not pass for an empty list: everything would be taken for deleted.
        return new ResourceList<T>(items ?? throw new JsonException($"no items: not a list of {kind.Plural}"), metadata ?? new ListMeta());
    }

    private static List<T> ReadItems<T>(ResourceKind<T> kind, ref Utf8JsonReader reader)
        where T : class, IKubernetesObject
    {
        var items = new List<T>();
        if (reader.TokenType == JsonTokenType.Null)
        {
            return items;
        }

        Expect(ref reader, JsonTokenType.StartArray);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            items.Add(Whole(kind, JsonSerializer.Deserialize(ref reader, kind.Json)));
        }

        return items;
    }

    /// <summary>Metadata is declared as never null, and the serializer does not care: nobody behind here has to.</summary>
    private static T Whole<T>(ResourceKind<T> kind, T? obj)
        where T : class, IKubernetesObject =>
        obj?.Metadata is not null ? obj : throw new JsonException($"{(obj is null ? "null instead of" : "no metadata in")} a {kind.Kind}");

    public static void Expect(ref Utf8JsonReader reader, JsonTokenType type)
    {
        if (reader.TokenType != type)
        {
            throw new JsonException($"{reader.TokenType} instead of {type} at byte {reader.TokenStartIndex}");
        }
    }
}
