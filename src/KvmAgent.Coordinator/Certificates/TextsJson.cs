using System.Text.Json.Serialization;

namespace KvmAgent.Coordinator.Certificates;

[JsonSerializable(typeof(List<string>))]
internal sealed partial class TextsJson : JsonSerializerContext;
