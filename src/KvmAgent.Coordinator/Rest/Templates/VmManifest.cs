using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;

namespace KvmAgent.Coordinator.Rest.Templates;

/// <summary>A VirtualMachine as somebody wrote it.</summary>
internal static class VmManifest
{
    private const string Kind = "VirtualMachine";

    /// <summary>Of whatever version of KubeVirt's.</summary>
    public static bool Is(JsonObject json) => Text(json["kind"]) == Kind && Text(json["apiVersion"]) is { } version && version.StartsWith(Kinds.Group + "/", StringComparison.Ordinal);

    /// <param name="what">The request's field.</param>
    /// <param name="or">What else it might be, for the error.</param>
    /// <exception cref="CoordinatorException">It is something else.</exception>
    public static void Demand(JsonObject json, string what, string or = "")
    {
        if (!Is(json))
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"{what} is {Text(json["apiVersion"])} {Text(json["kind"])}; give a {Kinds.VirtualMachines.ApiVersion} {Kind}{or}");
        }
    }

    /// <returns>Null for what is no text, and for an empty one.</returns>
    public static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) && text.Length > 0 ? text : null;
}
