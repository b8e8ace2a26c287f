using System.Text.Json;

namespace KvmAgent.Qemu;

/// <summary>Something that happened in QEMU, such as <c>SHUTDOWN</c> (docs/interop/qemu-qmp-ref).</summary>
/// <param name="Name">Which event.</param>
/// <param name="Data">Its particulars; undefined where it has none.</param>
/// <param name="Time">QEMU's clock.</param>
internal sealed record QmpEvent(string Name, JsonElement Data, DateTimeOffset Time)
{
    /// <returns>Null where the event has no such text.</returns>
    public string? Text(string name) => Find(name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    /// <returns>Null where the event has no such flag.</returns>
    public bool? Flag(string name) => Find(name).ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };

    private JsonElement Find(string name) =>
        Data.ValueKind == JsonValueKind.Object && Data.TryGetProperty(name, out var value) ? value : default;
}

/// <summary>QEMU (or the guest agent, which speaks the same language) refused a command.</summary>
internal sealed class QmpException(string errorClass, string description) : Exception(description)
{
    /// <summary><c>GenericError</c>, <c>CommandNotFound</c>, <c>DeviceNotFound</c>, <c>DeviceNotActive</c>, <c>KVMMissingCap</c>.</summary>
    public string ErrorClass { get; } = errorClass;
}
