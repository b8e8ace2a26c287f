using System.Globalization;

namespace KvmAgent.Network;

internal enum TransportProtocol
{
    Tcp,
    Udp,
    Sctp,
}

/// <summary>A port that stays with the pod instead of going to the guest: VNC's, a sidecar's. Written <c>8080/tcp</c>.</summary>
internal readonly record struct PodPort(TransportProtocol Protocol, ushort Port)
{
    /// <summary>The protocol's name as nft and people write it.</summary>
    public string ProtocolName => Protocol switch
    {
        TransportProtocol.Tcp => "tcp",
        TransportProtocol.Udp => "udp",
        _ => "sctp",
    };

    /// <summary>Reads <c>8080</c> (TCP), <c>53/udp</c>, <c>132/sctp</c>; not port 0.</summary>
    public static bool TryParse(string? text, out PodPort port)
    {
        port = default;
        var parts = text?.Trim().Split('/') ?? [];
        TransportProtocol? protocol = parts.ElementAtOrDefault(1)?.ToLowerInvariant() switch
        {
            null or "tcp" => TransportProtocol.Tcp,
            "udp" => TransportProtocol.Udp,
            "sctp" => TransportProtocol.Sctp,
            _ => null,
        };
        if (parts.Length is < 1 or > 2 || protocol is null
            || !ushort.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number == 0)
        {
            return false;
        }

        port = new PodPort(protocol.Value, number);
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Port}/{ProtocolName}");
}
