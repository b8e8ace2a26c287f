using System.Text.Json;
using System.Text.Json.Serialization;

namespace KvmAgent.Kubernetes.Resources;

/// <summary>
/// Reads short strings that were read of late as the same objects. Thousands of objects that are kept say the same things (labels, phases,
/// conditions, each other's names and UIDs), and would otherwise be mostly copies of one another.
/// </summary>
public sealed class PooledStringConverter : JsonConverter<string>
{
    private const int Longest = 64, Slots = 1 << 14;

    /// <summary>What comes later takes an older one's place: it never grows.</summary>
    private static readonly string?[] Recent = new string?[Slots];

    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Pooled(ref reader);

    public override string ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Pooled(ref reader)!;

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);

    public override void WriteAsPropertyName(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WritePropertyName(value);

    private static string? Pooled(ref Utf8JsonReader reader)
    {
        if (reader.HasValueSequence || reader.ValueIsEscaped || reader.ValueSpan.Length > Longest)
        {
            return reader.GetString();
        }

        var hash = default(HashCode);
        hash.AddBytes(reader.ValueSpan);
        ref var slot = ref Recent[hash.ToHashCode() & (Slots - 1)];
        if (Volatile.Read(ref slot) is { } known && reader.ValueTextEquals(known))
        {
            return known;
        }

        var text = reader.GetString();
        Volatile.Write(ref slot, text);
        return text;
    }
}
