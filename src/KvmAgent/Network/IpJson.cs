using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace KvmAgent.Network;

/// <param name="Address">The address itself.</param>
/// <param name="Network">The network around it.</param>
/// <param name="IsLasting">Of global scope, and neither deprecated nor one of the temporary ones of RFC 8981.</param>
internal sealed record PodAddress(IPAddress Address, IPNetwork Network, bool IsLasting);

internal sealed record PodLink(string Name, int Mtu, IReadOnlyList<PodAddress> Addresses);

internal sealed record PodRoute
{
    public AddressFamily Family { get; init; }

    /// <summary>Null for a default route.</summary>
    public IPNetwork? Destination { get; init; }

    public bool IsDefault { get; init; }

    public required string Device { get; init; }

    public IPAddress? Source { get; init; }

    public long Metric { get; init; }

    public int? Mtu { get; init; }
}

/// <summary>Reads what <c>ip -json</c> prints of addresses and routes.</summary>
internal static class IpJson
{
    public static IReadOnlyList<PodLink> Links(string? json) => All(json, Link);

    /// <summary>The routes of all tables but the kernel's own table of local addresses; defaults only from the main table.</summary>
    public static IReadOnlyList<PodRoute> Routes(string? json) => All(json, Route);

    private static List<T> All<T>(string? json, Func<JsonElement, T?> read)
        where T : class
    {
        using var document = JsonDocument.Parse(json ?? "[]");
        return All(document.RootElement, read);
    }

    // Loops rather than LINQ: over JsonElement, a struct, that is compiled when it runs, and costs the start milliseconds.
    private static List<T> All<T>(JsonElement array, Func<JsonElement, T?> read)
        where T : class
    {
        var all = new List<T>();
        foreach (var item in array.EnumerateArray())
        {
            if (read(item) is { } found)
            {
                all.Add(found);
            }
        }

        return all;
    }

    private static PodLink? Link(JsonElement link) => Text(link, "ifname") is { } name
        ? new PodLink(name, link.GetProperty("mtu").GetInt32(), All(link.GetProperty("addr_info"), Address))
        : null;

    private static PodAddress? Address(JsonElement info)
    {
        if (Text(info, "local") is not { } local)
        {
            return null;
        }

        var address = IPAddress.Parse(local);
        var lasting = Text(info, "scope") == "global" && !Flag(info, "temporary") && !Flag(info, "deprecated") && !Flag(info, "dadfailed");
        return new PodAddress(address, VmSubnet.Around(address, info.GetProperty("prefixlen").GetInt32()), lasting);
    }

    private static PodRoute? Route(JsonElement route)
    {
        if (Text(route, "dst") is not { } destination || Text(route, "table") == "local")
        {
            return null;
        }

        var hop = route.TryGetProperty("nexthops", out var hops) ? hops.EnumerateArray().First() : route;
        var plain = Text(route, "type") is null or "unicast";
        var parsed = new PodRoute
        {
            Device = Text(hop, "dev") ?? "",
            Source = Text(route, "prefsrc") is { } source ? IPAddress.Parse(source) : null,
            Metric = route.TryGetProperty("metric", out var metric) ? metric.GetInt64() : 0,
            Mtu = route.TryGetProperty("metrics", out var metrics) && metrics[0].TryGetProperty("mtu", out var mtu)
                && mtu.TryGetInt32(out var value) ? value : null,
        };
        if (destination != "default")
        {
            var network = IPNetwork.TryParse(destination, out var prefix) ? prefix : VmSubnet.Around(IPAddress.Parse(destination));
            return parsed with { Destination = network, Family = network.BaseAddress.AddressFamily };
        }

        return plain && Text(route, "table") is null or "main" && parsed.Device.Length > 0
            ? parsed with { IsDefault = true, Family = DefaultFamily(route, hop) }
            : null;
    }

    /// <summary>A default route has no destination to tell its family by; only IPv6 routes print a router preference.</summary>
    private static AddressFamily DefaultFamily(JsonElement route, JsonElement hop) =>
        route.TryGetProperty("pref", out _) || (Text(hop, "gateway") ?? Text(route, "prefsrc"))?.Contains(':') == true
            ? AddressFamily.InterNetworkV6
            : AddressFamily.InterNetwork;

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static bool Flag(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;
}
