using System.Net;
using System.Text.Json;
using KvmAgent.Contracts.Link;

namespace KvmAgent.Qemu;

/// <summary>Which agent runs in the guest, and the commands that it has and lets us use.</summary>
internal sealed record GuestAgentInfo(string Version, IReadOnlySet<string> Commands);

/// <summary>The guest's system, as far as it says. <paramref name="Id"/> is os-release's, or <c>mswindows</c>.</summary>
internal sealed record GuestOs(
    string? Id, string? Name, string? PrettyName, string? VersionId, string? KernelRelease, string? Machine)
{
    public string? Version { get; init; }

    public string? KernelVersion { get; init; }
}

/// <summary>One of the guest's network interfaces.</summary>
internal sealed record GuestInterface(string Name, string? Mac, IReadOnlyList<GuestAddress> Addresses);

/// <summary>An address and the length of its prefix.</summary>
internal readonly record struct GuestAddress(IPAddress Address, int Prefix);

/// <summary>
/// Reads the guest agent's answers (docs/interop/qemu-ga-ref). A guest says what it likes: text is cleaned and cut, lists end
/// somewhere, what is not there or of another kind is left out.
/// </summary>
internal static class GuestAgentReplies
{
    private const int LongestText = 256, LongestList = 256, FewDisks = 16;

    public static GuestAgentInfo Info(JsonElement answer) => new(
        Text(answer, "version") ?? "",
        Items(answer, "supported_commands")
            .Where(static command => Find(command, "enabled").ValueKind == JsonValueKind.True)
            .Select(static command => Text(command, "name"))
            .OfType<string>()
            .ToHashSet());

    public static string? HostName(JsonElement answer) => Text(answer, "host-name");

    public static GuestOs Os(JsonElement answer) => new(
        Text(answer, "id"),
        Text(answer, "name"),
        Text(answer, "pretty-name"),
        Text(answer, "version-id"),
        Text(answer, "kernel-release"),
        Text(answer, "machine"))
    {
        Version = Text(answer, "version"),
        KernelVersion = Text(answer, "kernel-version"),
    };

    public static IReadOnlyList<GuestInterface> Interfaces(JsonElement answer) =>
    [
        .. Items(answer).Select(static nic => new GuestInterface(
            Text(nic, "name") ?? "",
            Text(nic, "hardware-address"),
            [.. Items(nic, "ip-addresses").Select(Address).OfType<GuestAddress>()])),
    ];

    public static string? TimeZone(JsonElement answer) => Text(answer, "zone");

    public static IReadOnlyList<GuestUser> Users(JsonElement answer) =>
        [.. Items(answer).Select(static user => new GuestUser(Text(user, "user") ?? "", Text(user, "domain"), Number(user, "login-time") ?? 0))];

    public static IReadOnlyList<GuestFilesystem> Filesystems(JsonElement answer) =>
    [
        .. Items(answer).Select(static fs => new GuestFilesystem(
            Text(fs, "name") ?? "",
            Text(fs, "mountpoint") ?? "",
            Text(fs, "type") ?? "",
            Bytes(fs, "used-bytes"),
            Bytes(fs, "total-bytes"),
            [.. Items(fs, "disk").Take(FewDisks).Select(static disk => new GuestFilesystemDisk(Text(disk, "bus-type") ?? "", Text(disk, "serial"), Text(disk, "dev")))])),
    ];

    public static string? Text(JsonElement text)
    {
        if (text.ValueKind != JsonValueKind.String)
        {
            return null;
        }

        try
        {
            return ConsoleText.Clean(text.GetString()!, LongestText);
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair, or bytes that are no UTF-8.
            return null;
        }
    }

    private static string? Text(JsonElement value, string name) => Text(Find(value, name));

    private static double? Number(JsonElement value, string name) =>
        Find(value, name) is { ValueKind: JsonValueKind.Number } number && number.TryGetDouble(out var found) && double.IsFinite(found) ? found : null;

    private static long? Bytes(JsonElement value, string name) =>
        Find(value, name) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt64(out var bytes) && bytes >= 0 ? bytes : null;

    private static GuestAddress? Address(JsonElement item) =>
        IPAddress.TryParse(Text(item, "ip-address"), out var address)
        && Find(item, "prefix") is { ValueKind: JsonValueKind.Number } number
        && number.TryGetInt32(out var prefix)
        && prefix is >= 0 and <= 128
            ? new GuestAddress(address, prefix)
            : null;

    private static JsonElement Find(JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out var found) ? found : default;

    private static IEnumerable<JsonElement> Items(JsonElement value, string name) => Items(Find(value, name));

    private static IEnumerable<JsonElement> Items(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().Take(LongestList) : [];
}
