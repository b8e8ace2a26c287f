using System.Text.Json.Serialization;

namespace KvmAgent.Contracts.Rest;

/// <summary>What Uyuni reads, in its own names.</summary>
[JsonSerializable(typeof(SortedDictionary<string, GatheredNode>), TypeInfoPropertyName = "GatheredNodes")]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
public sealed partial class GathererJson : JsonSerializerContext;
