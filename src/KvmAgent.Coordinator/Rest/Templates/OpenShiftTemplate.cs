using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using KvmAgent.Coordinator.Api;

namespace KvmAgent.Coordinator.Rest.Templates;

/// <summary>Reads <c>template.openshift.io/v1</c> Templates, as OpenShift and KubeVirt's common ones are. Of what they make just a VirtualMachine is made here.</summary>
internal static partial class OpenShiftTemplate
{
    public const string Group = "template.openshift.io", ApiVersion = Group + "/v1", Kind = "Template";

    public static bool Is(JsonObject json) => VmManifest.Text(json["kind"]) == Kind && VmManifest.Text(json["apiVersion"]) is { } version && version.StartsWith(Group + "/", StringComparison.Ordinal);

    /// <returns>Its one VirtualMachine, with the labels that the Template gives to all it makes.</returns>
    public static JsonObject Machine(JsonObject template)
    {
        var objects = (template["objects"] as JsonArray ?? []).Select(static (o, i) => o as JsonObject ?? throw Wrong($"objects[{i}]", "is no object; give a VirtualMachine")).ToList();
        var machines = objects.Where(VmManifest.Is).ToList();
        if (objects.Except(machines).ToList() is [_, ..] others)
        {
            throw Wrong("objects", $"has {string.Join(", ", others.Select(NameOf))}, and only a VirtualMachine is made; take the others out, and make them by themselves");
        }

        if (machines is not [var only])
        {
            throw Wrong("objects", machines.Count == 0 ? $"has no machine; give a {Kinds.VirtualMachines.ApiVersion} VirtualMachine" : $"has {string.Join(", ", machines.Select(NameOf))}; leave one of them");
        }

        var machine = (JsonObject)only.DeepClone();
        if (template["labels"] is JsonObject { Count: > 0 } labels)
        {
            var metadata = machine["metadata"] as JsonObject ?? throw Wrong("objects", $"has {NameOf(machine)} without metadata; give it a name");
            var own = metadata["labels"] as JsonObject ?? [];
            foreach (var (name, value) in labels)
            {
                own[name] = value?.DeepClone();
            }

            if (own.Parent is null)
            {
                metadata["labels"] = own;
            }
        }

        return machine;
    }

    /// <exception cref="CoordinatorException">One of them cannot be understood.</exception>
    public static IReadOnlyList<TemplateParameter> Parameters(JsonObject template)
    {
        var parameters = (template["parameters"] as JsonArray ?? []).Select(static (p, i) => Parameter(p, $"parameters[{i}]")).ToList();
        return parameters.GroupBy(static p => p.Name).FirstOrDefault(static g => g.Count() > 1) is { } twice
            ? throw Wrong("parameters", $"has {twice.Key} more than once; leave one of them")
            : parameters;
    }

    private static TemplateParameter Parameter(JsonNode? node, string at)
    {
        var json = node as JsonObject ?? throw Wrong(at, "is no object; give a name at least");
        var name = Text("name") is { } given && ParameterName().IsMatch(given) ? given : throw Wrong($"{at}.name", $"is \"{Text("name")}\"; give letters, digits and '_'");
        GeneratedText? generated = null;
        if (Text("generate") is { Length: > 0 } generator)
        {
            var from = generator == "expression" ? Text("from") ?? "" : throw Wrong($"{at}.generate", $"is \"{generator}\" of {name}; only expression is known");
            try
            {
                generated = GeneratedText.Of(from);
            }
            catch (FormatException e)
            {
                throw Wrong($"{at}.from", $"of {name}: {e.Message}");
            }
        }

        var required = json["required"] switch
        {
            null => false,
            JsonValue value when value.TryGetValue(out bool truth) => truth,
            _ => throw Wrong($"{at}.required", $"of {name} is neither true nor false"),
        };
        return new TemplateParameter(name, Text("value") ?? "", generated, required, Text("displayName"), Text("description"));

        string? Text(string field) => json[field] switch
        {
            null => null,
            JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
            _ => throw Wrong($"{at}.{field}", "is no text; write it in quotes"),
        };
    }

    private static string NameOf(JsonObject json) =>
        $"{VmManifest.Text(json["apiVersion"])} {VmManifest.Text(json["kind"])} {VmManifest.Text((json["metadata"] as JsonObject)?["name"])}".Trim();

    private static CoordinatorException Wrong(string field, string what) => new(FailureReason.BadRequest, $"template.{field} {what}");

    [GeneratedRegex(@"\A[a-zA-Z0-9_]+\z", RegexOptions.CultureInvariant)]
    private static partial Regex ParameterName();
}
