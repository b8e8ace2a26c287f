namespace KvmAgent.HostTests.Support;

/// <summary>
/// A pod as a hard network makes it (gateway off the subnet, both families, br_netfilter, strict reverse path), the agent's network
/// in it, and a guest plugged in that has its addresses.
/// </summary>
public sealed class MappedPod : IAsyncLifetime
{
    public const int Mtu = 1400;

    internal PodNamespace Pod { get; private set; } = null!;

    internal NetworkRunner Runner { get; private set; } = null!;

    internal GuestStandIn Guest { get; private set; } = null!;

    /// <summary>The address that the guest gave itself from the router's advertisement.</summary>
    internal string Guest6 { get; private set; } = "";

    public async Task InitializeAsync()
    {
        Pod = await PodNamespace.CreateAsync(new PodOptions { OffSubnetGateway = true, Ipv6 = true, Mtu = Mtu });
        Runner = await NetworkRunner.StartAsync(Pod, new NetworkOptions { RunDir = Pod.Directory, PodPorts = ["5900", "8443", "514/udp"] });
        Guest = await GuestStandIn.AttachAsync(Pod, Mtu);
        await Guest.ConfigureAsync();
        Guest6 = await Guest.WaitForIpv6Async();
    }

    public async Task DisposeAsync()
    {
        await Guest.DisposeAsync();
        await Runner.DisposeAsync();
        await Pod.DisposeAsync();
    }
}
