using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Machines.Instances;

namespace KvmAgent.Coordinator.Alone.Api;

/// <summary>Instances as <c>kubectl get</c> shows them: meta.k8s.io Table, with the columns that the CustomResourceDefinition has in a cluster.</summary>
internal sealed class VmiTable(string? include, DateTimeOffset now)
{
    private static readonly (string Name, string Type, int Priority, Func<VirtualMachineInstance, string?> Cell)[] Columns =
    [
        ("Phase", "string", 0, static vm => vm.Status?.Phase),
        ("IP", "string", 0, static vm => vm.Status?.Interfaces is [var first, ..] ? first.IpAddress : null),
        ("NodeName", "string", 0, static vm => vm.Status?.NodeName),
        ("Ready", "string", 0, static vm => Condition(vm, InstanceStatus.Ready)),
        ("Live-Migratable", "string", 1, static vm => Condition(vm, InstanceStatus.LiveMigratable)),
        ("Paused", "string", 1, static vm => Condition(vm, InstanceStatus.Paused)),
    ];

    public JsonObject Of(IEnumerable<VirtualMachineInstance> vms, JsonObject metadata) => new()
    {
        ["kind"] = "Table",
        ["apiVersion"] = "meta.k8s.io/v1",
        ["metadata"] = metadata,
        ["columnDefinitions"] = new JsonArray(
        [
            Definition("Name", "string", "name", 0), Definition("Age", "string", "", 0), .. Columns.Select(static c => Definition(c.Name, c.Type, "", c.Priority)),
        ]),
        ["rows"] = new JsonArray([.. vms.Select(Row)]),
    };

    private JsonObject Row(VirtualMachineInstance vm) => new()
    {
        ["cells"] = new JsonArray([vm.Metadata.Name, Age(now - vm.Metadata.CreationTimestamp), .. Columns.Select(c => (JsonNode?)c.Cell(vm))]),
        ["object"] = include switch
        {
            "None" => null,
            "Object" => Json(vm),
            _ => new JsonObject { ["kind"] = "PartialObjectMetadata", ["apiVersion"] = "meta.k8s.io/v1", ["metadata"] = Json(vm)["metadata"]!.DeepClone() },
        },
    };

    public static JsonNode Json(VirtualMachineInstance vm) => JsonSerializer.SerializeToNode(vm, ApiJson.Default.VirtualMachineInstance)!;

    private static JsonObject Definition(string name, string type, string format, int priority) => new()
    {
        ["name"] = name,
        ["type"] = type,
        ["format"] = format,
        ["description"] = "",
        ["priority"] = priority,
    };

    private static string? Condition(VirtualMachineInstance vm, string type) => Conditions.Find(vm.Status?.Conditions, type)?.Status;

    /// <summary>As the API server shortens ages.</summary>
    private static string Age(TimeSpan? age) => age switch
    {
        null => "<unknown>",
        { TotalMinutes: < 2 } a => Text($"{Math.Max(0, (int)a.TotalSeconds)}s"),
        { TotalMinutes: < 10 } a => Text($"{(int)a.TotalMinutes}m{a.Seconds}s"),
        { TotalHours: < 3 } a => Text($"{(int)a.TotalMinutes}m"),
        { TotalHours: < 8 } a => Text($"{(int)a.TotalHours}h{a.Minutes}m"),
        { TotalHours: < 48 } a => Text($"{(int)a.TotalHours}h"),
        { TotalDays: < 8 } a => Text($"{(int)a.TotalDays}d{a.Hours}h"),
        var a => Text($"{(int)a.Value.TotalDays}d"),
    };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
