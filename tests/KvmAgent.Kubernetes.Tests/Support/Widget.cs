using System.Text.Json;
using System.Text.Json.Serialization;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes.Tests.Support;

/// <summary>A kind of the tests.</summary>
internal sealed record Widget : IKubernetesObject
{
    public static ResourceKind<Widget> Resource { get; } = new("test.kvm", "v1", "widgets", "Widget", Namespaced: true, WidgetJson.Default.Widget);

    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public ObjectMeta Metadata { get; init; } = new();

    public required WidgetSpec Spec { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }

    public static Widget Of(string name, string color = "red", string? version = null, string ns = "a", string? uid = null) => new()
    {
        Metadata = new ObjectMeta { Namespace = ns, Name = name, ResourceVersion = version, Uid = uid ?? $"uid-{name}" },
        Spec = new WidgetSpec { Color = color },
    };

    /// <summary>As the server would send it.</summary>
    public string Json() => JsonSerializer.Serialize(this, WidgetJson.Default.Widget);

    public static string List(string version, params Widget[] items) =>
        $$"""{"kind":"WidgetList","apiVersion":"test.kvm/v1","metadata":{"resourceVersion":"{{version}}"},"items":[{{string.Join(',', items.Select(static i => i.Json()))}}]}""";

    public static string Event(string type, Widget widget) => "{\"type\":\"" + type + "\",\"object\":" + widget.Json() + "}";

    public static string Bookmark(string version) => $$$$"""
        {"type":"BOOKMARK","object":{"kind":"Widget","apiVersion":"test.kvm/v1","metadata":{"resourceVersion":"{{{{version}}}}","creationTimestamp":null}}}
        """;
}

internal sealed record WidgetSpec
{
    public required string Color { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Widget))]
internal sealed partial class WidgetJson : JsonSerializerContext;
