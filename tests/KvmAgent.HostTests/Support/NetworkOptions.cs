using System.Net;
using KvmAgent.Network;

namespace KvmAgent.HostTests.Support;

/// <summary>What a test asks of the network, as it travels to the process inside of the pod.</summary>
internal sealed record NetworkOptions
{
    public const string Mac = "52:54:00:12:34:56";

    public required string RunDir { get; init; }

    public string VmIp { get; init; } = "192.168.254.2";

    public string VmGateway { get; init; } = "192.168.254.1";

    /// <summary><c>auto</c>, <c>off</c> or an address.</summary>
    public string VmIp6 { get; init; } = "auto";

    public string[] PodPorts { get; init; } = ["5900"];

    public string? HostName { get; init; } = "guest";

    public uint TapOwner { get; init; }

    public int Queues { get; init; } = 1;

    public NetworkRequest ToRequest() => new()
    {
        VmIp = IPAddress.Parse(VmIp),
        VmGateway = IPAddress.Parse(VmGateway),
        VmIp6 = VmIp6 switch
        {
            "auto" => GuestIpv6.Auto,
            "off" => GuestIpv6.Off,
            _ => GuestIpv6.At(IPAddress.Parse(VmIp6)),
        },
        Mac = MacAddress.TryParse(Mac, out var mac) ? mac : throw new FormatException(Mac),
        PodPorts = [.. PodPorts.Select(text => PodPort.TryParse(text, out var port) ? port : throw new FormatException(text))],
        HostName = HostName,
        TapOwner = TapOwner,
        Queues = Queues,
        RunDir = RunDir,
    };
}
