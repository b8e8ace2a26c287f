using System.Reflection;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Api.Schemas;

/// <summary>
/// The OpenAPI schema of a type, as a CustomResourceDefinition has it: what the types say by their shapes and attributes. Objects with an
/// <c>Unknown</c> keep what they do not know; those without are exactly what they say.
/// </summary>
internal static class SchemaGenerator
{
    private static readonly NullabilityInfoContext Nullability = new();

    public static JsonObject Of(Type type) => Schema(ApiJson.Default.Options.GetTypeInfo(type), null);

    private static JsonObject Schema(JsonTypeInfo type, ICustomAttributeProvider? property)
    {
        var schema = Shape(Nullable.GetUnderlyingType(type.Type) ?? type.Type, type);
        foreach (var provider in new[] { type.Type, property }.OfType<ICustomAttributeProvider>())
        {
            Describe(schema, provider);
        }

        return schema;
    }

    private static JsonObject Shape(Type type, JsonTypeInfo info) =>
        type == typeof(string) ? new JsonObject { ["type"] = "string" }
        : type == typeof(bool) ? new JsonObject { ["type"] = "boolean" }
        : type == typeof(int) ? new JsonObject { ["type"] = "integer", ["format"] = "int32" }
        : type == typeof(long) ? new JsonObject { ["type"] = "integer", ["format"] = "int64" }
        : type == typeof(DateTimeOffset) ? new JsonObject { ["type"] = "string", ["format"] = "date-time" }
        : type == typeof(Quantity) ? QuantitySchema()
        : type == typeof(JsonObject) ? new JsonObject { ["type"] = "object", [Preserve] = true }
        : type == typeof(JsonArray) ? new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["type"] = "object", [Preserve] = true } }
        : info.Kind == JsonTypeInfoKind.Dictionary ? new JsonObject { ["type"] = "object", ["additionalProperties"] = Schema(InfoOf(info.ElementType!), null) }
        : info.Kind == JsonTypeInfoKind.Enumerable ? new JsonObject { ["type"] = "array", ["items"] = Schema(InfoOf(info.ElementType!), null) }
        : info.Kind == JsonTypeInfoKind.Object ? Properties(info)
        : throw new NotSupportedException($"no schema for {type}");

    private const string Preserve = "x-kubernetes-preserve-unknown-fields";

    private static JsonObject Properties(JsonTypeInfo type)
    {
        var properties = new JsonObject();
        var required = new JsonArray();
        var preserves = false;
        foreach (var property in type.Properties)
        {
            if (property.IsExtensionData)
            {
                preserves = true;
            }
            else if (property.Get is not null)
            {
                properties[property.Name] = Schema(InfoOf(property.PropertyType), property.AttributeProvider);
                if (IsRequired(property))
                {
                    required.Add(property.Name);
                }
            }
        }

        var schema = new JsonObject { ["type"] = "object" };
        if (properties.Count > 0)
        {
            schema["properties"] = properties;
        }

        if (required.Count > 0)
        {
            schema["required"] = required;
        }

        if (preserves)
        {
            schema[Preserve] = true;
        }

        return schema;
    }

    /// <summary>What a constructor or an initialiser must set, and what is of a type that knows no null.</summary>
    private static bool IsRequired(JsonPropertyInfo property) =>
        property.IsRequired
        || (property.AttributeProvider is PropertyInfo info && property.AssociatedParameter is { } parameter && !parameter.HasDefaultValue
            && Nullability.Create(info).ReadState == NullabilityState.NotNull);

    private static void Describe(JsonObject schema, ICustomAttributeProvider provider)
    {
        foreach (var attribute in provider.GetCustomAttributes(inherit: false))
        {
            switch (attribute)
            {
                case DescriptionAttribute description:
                    schema["description"] = description.Text;
                    break;
                case OneOfAttribute choice:
                    schema["enum"] = new JsonArray([.. choice.Values.Select(static v => (JsonNode)v)]);
                    break;
                case PatternAttribute pattern:
                    schema["pattern"] = pattern.Pattern;
                    break;
                case MinimumAttribute minimum:
                    schema["minimum"] = minimum.Value;
                    break;
                case MaximumAttribute maximum:
                    schema["maximum"] = maximum.Value;
                    break;
                case MaxItemsAttribute items:
                    schema["maxItems"] = items.Value;
                    break;
                case MaxLengthAttribute length:
                    schema["maxLength"] = length.Value;
                    break;
                case RuleAttribute rule:
                    var rules = schema["x-kubernetes-validations"] as JsonArray ?? [];
                    rules.Add(new JsonObject { ["rule"] = rule.Rule, ["message"] = rule.Message });
                    schema["x-kubernetes-validations"] = rules.Parent is null ? rules : rules.DeepClone();
                    break;
            }
        }
    }

    private static JsonObject QuantitySchema() => new()
    {
        ["anyOf"] = new JsonArray(new JsonObject { ["type"] = "integer" }, new JsonObject { ["type"] = "string" }),
        ["pattern"] = "^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$",
        ["x-kubernetes-int-or-string"] = true,
    };

    private static JsonTypeInfo InfoOf(Type type) => ApiJson.Default.Options.GetTypeInfo(Nullable.GetUnderlyingType(type) ?? type);
}
