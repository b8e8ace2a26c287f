using System.Text.Json;
using System.Text.Json.Serialization;

namespace KvmAgent.Images.Store;

/// <summary>What a claim file tells: who fetches, that it is alive (the beat counts on), and how far it is.</summary>
internal sealed record ClaimState(string Id, string Owner, long Beat, long Bytes, long? Total = null)
{
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, StoreJson.Default.ClaimState);

    /// <summary>Null for what is no claim of ours; it can stall and be taken over like any other.</summary>
    public static ClaimState? Parse(string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, StoreJson.Default.ClaimState);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, AllowDuplicateProperties = false,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ClaimState))]
[JsonSerializable(typeof(ImageRecord))]
[JsonSerializable(typeof(PartJournal))]
internal sealed partial class StoreJson : JsonSerializerContext;
