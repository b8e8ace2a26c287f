using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Coordinator.Rest;

/// <summary>The management API as an OpenAPI 3.1 document, made of its routes and of the very types that are read and written.</summary>
internal static partial class OpenApi
{
    public static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static JsonObject Document(IReadOnlyList<RestRoute> routes)
    {
        var schemas = new SortedDictionary<string, JsonNode>(StringComparer.Ordinal);
        var paths = new JsonObject();
        foreach (var route in routes)
        {
            if (paths[route.Path] is not JsonObject path)
            {
                paths[route.Path] = path = [];
            }

            path[route.Method.ToLowerInvariant()] = Operation(route, schemas);
        }

        return new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject
            {
                ["title"] = "kvm-coordinator",
                ["version"] = Assembly.GetExecutingAssembly().GetName().Version!.ToString(3),
                ["description"] = "Manages virtual machines of the coordinator's own cluster and of others.",
            },
            ["security"] = new JsonArray(new JsonObject { ["token"] = new JsonArray() }),
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["securitySchemes"] = new JsonObject { ["token"] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer" } },
                ["schemas"] = new JsonObject(schemas.Select(static s => KeyValuePair.Create<string, JsonNode?>(s.Key, s.Value))),
            },
        };
    }

    private static JsonObject Operation(RestRoute route, SortedDictionary<string, JsonNode> schemas)
    {
        var parameters = new JsonArray(
            [.. Parameter().Matches(route.Path).Select(static m => (JsonNode)new JsonObject { ["name"] = m.Groups[1].Value, ["in"] = "path", ["required"] = true, ["schema"] = Text() }),
            .. route.Query.Select(static q => (JsonNode)new JsonObject { ["name"] = q.Name, ["in"] = "query", ["description"] = q.Description, ["schema"] = Text() })]);
        var operation = new JsonObject { ["summary"] = route.Summary };
        if (parameters.Count > 0)
        {
            operation["parameters"] = parameters;
        }

        if (route.Request is { } request)
        {
            operation["requestBody"] = Content(request, schemas);
        }

        if (route.RequestMedia is { } media)
        {
            operation["requestBody"] = Stream(media);
        }

        operation["responses"] = new JsonObject
        {
            [$"{route.Status}"] = With(route.Answer is { } answer ? Content(answer, schemas) : Stream(route.Media), route.Summary),
            ["default"] = With(Content(RestJson.Default.RestError, schemas), "Why it was not done."),
        };
        return operation;
    }

    private static JsonObject With(JsonObject content, string description)
    {
        content.Insert(0, "description", description);
        return content;
    }

    private static JsonObject Stream(string? media) => media is null
        ? []
        : new JsonObject { ["content"] = new JsonObject { [media] = new JsonObject { ["schema"] = Text() } } };

    private static JsonObject Content(JsonTypeInfo type, SortedDictionary<string, JsonNode> schemas)
    {
        schemas.TryAdd(type.Type.Name, type.GetJsonSchemaAsNode(new JsonSchemaExporterOptions { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Told }));
        return new JsonObject
        {
            ["content"] = new JsonObject
            {
                ["application/json"] = new JsonObject { ["schema"] = new JsonObject { ["$ref"] = $"#/components/schemas/{type.Type.Name}" } },
            },
        };
    }

    /// <summary>What is made of other fields is always there; the exporter takes it for what may be left out, since nobody can set it.</summary>
    private static JsonNode Told(JsonSchemaExporterContext context, JsonNode node)
    {
        if (node is JsonObject part && context.PropertyInfo is { Set: null, IsGetNullable: false } && part["type"] is JsonArray types)
        {
            part["type"] = types.Single(static t => (string?)t != "null")!.DeepClone();
        }

        if (node is JsonObject whole && whole["required"] is JsonArray required && context.TypeInfo.Kind == JsonTypeInfoKind.Object)
        {
            foreach (var made in context.TypeInfo.Properties.Where(static p => p is { Get: not null, Set: null, IsGetNullable: false, IsRequired: false }))
            {
                required.Insert(0, made.Name);
            }
        }

        return node;
    }

    private static JsonObject Text() => new() { ["type"] = "string" };

    [GeneratedRegex(@"\{([a-z_]+)\}")]
    private static partial Regex Parameter();
}
