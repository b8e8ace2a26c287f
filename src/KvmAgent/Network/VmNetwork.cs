using Microsoft.Extensions.Logging;

namespace KvmAgent.Network;

/// <summary>
/// The network between the pod and its guest.
/// <code>
///    other pods ── pod's device (10.1.2.3) ── nft: 1:1 NAT ── vmbr0 (192.168.254.1/30) ── vmtap0 ── guest (192.168.254.2)
///                  the pod's namespace                        dnsmasq: DHCP, RA
/// </code>
/// <para>
/// The guest has the pod's address by NAT, not by moving it: a cluster's network may route to a pod in ways that no DHCP can express
/// (a /32 behind a gateway outside of it), and what checks the pod's address keeps finding it. Whatever reaches the pod's address
/// goes to the guest, in every protocol, but for the ports that stay (VNC's); whatever leaves the guest is the pod's. See
/// <see cref="NftRuleset"/> for the way of a packet, <see cref="BridgeLinks"/> for the links, <see cref="DnsmasqConfig"/> for what the
/// guest is told.
/// </para>
/// <para>
/// <see cref="PodNetwork.DiscoverAsync"/> looks, <see cref="NetworkPlan.Create"/> decides, this type applies, in two steps since QEMU
/// needs only the tap to start: <see cref="CreateLinksAsync"/>, then <see cref="CreateRulesAsync"/>, before which the guest must
/// not run. Each step replaces what a killed predecessor left, because a restarted container finds the pod's namespace as it was.
/// <see cref="UndoAsync"/> takes back, in reverse, as much as was done.
/// </para>
/// </summary>
internal sealed partial class VmNetwork(NetworkPlan plan, HostPaths paths, TimeProvider time, ILogger<VmNetwork> log)
{
    private readonly Stack<(string What, Func<Task> Undo)> _done = new();
    private Task _table = Task.CompletedTask;
    private Task _rules = Task.CompletedTask;
    private volatile IReadOnlyList<DhcpLease> _leases = [];

    /// <summary>Raised with all leases when the guest takes or loses one, from another thread.</summary>
    public event Action<IReadOnlyList<DhcpLease>>? LeasesChanged;

    /// <summary>The guest's current leases.</summary>
    public IReadOnlyList<DhcpLease> Leases => _leases;

    /// <summary>Makes the bridge and the tap that QEMU opens. The ruleset is loaded meanwhile: it knows the links by name only.</summary>
    public async Task CreateLinksAsync(CancellationToken cancel = default)
    {
        TunDevice.Ensure(paths);
        _done.Push(("the nft table", DeleteTableAsync));
        _done.Push(("the links", DeleteLinksAsync));
        _table = NetworkProgram.Nft.RunAsync(["-f", "-"], plan.Ruleset, cancel);
        await NetworkProgram.Ip.RunAsync(["-batch", "-"], plan.Links, cancel).ConfigureAwait(false);
    }

    /// <summary>Completes what <see cref="CreateLinksAsync"/> began: mapping, forwarding, DHCP. The guest may run when it returns.</summary>
    public Task CreateRulesAsync(CancellationToken cancel = default) => _rules = RulesAsync(cancel);

    /// <summary>Takes everything back, once what is under way has ended. What fails is logged, and the rest is still done.</summary>
    public async Task UndoAsync()
    {
        await Task.WhenAll(_table, _rules).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (_done.TryPop(out var step))
        {
            try
            {
                await step.Undo().ConfigureAwait(false);
            }
            catch (Exception e) when (e is AgentException or IOException)
            {
                LogUndoFailed(step.What, e.Message);
            }
        }
    }

    private async Task RulesAsync(CancellationToken cancel)
    {
        var dhcp = new DhcpServer(plan.RunDir, plan.Dnsmasq, time, log);
        _done.Push(("dnsmasq", () => dhcp.DisposeAsync().AsTask()));
        await Task.WhenAll(MapAsync(cancel), dhcp.StartAsync(cancel)).ConfigureAwait(false);
        var watcher = new LeaseWatcher(dhcp.LeaseFile, OnLeases);
        _done.Push(("the watch on leases", () =>
        {
            watcher.Dispose();
            return Task.CompletedTask;
        }
        ));
    }

    private async Task MapAsync(CancellationToken cancel)
    {
        await _table.ConfigureAwait(false);
        foreach (var sysctl in plan.Sysctls)
        {
            var old = Forwarding.Write(paths, sysctl);
            _done.Push((sysctl.Path, () => Task.FromResult(Forwarding.Write(paths, old))));
        }

        await ForgetFlowsAsync(cancel).ConfigureAwait(false);
    }

    /// <summary>
    /// Makes the kernel forget the flows that it knew before the mapping was there: a client that kept sending during the start, or
    /// over a restart, would stay with the pod for as long as it does. A count of zero spares the process.
    /// </summary>
    private async Task ForgetFlowsAsync(CancellationToken cancel)
    {
        var count = Path.Combine(paths.Proc, "sys/net/netfilter/nf_conntrack_count");
        if (File.Exists(count) && (await File.ReadAllTextAsync(count, cancel).ConfigureAwait(false)).Trim() == "0")
        {
            return;
        }

        foreach (var mapping in new[] { plan.V4, plan.V6 }.OfType<AddressMapping>())
        {
            string[] arguments = ["--delete", "--family", mapping.IsV6 ? "ipv6" : "ipv4", "--orig-dst", mapping.Pod.ToString()];
            var result = await NetworkProgram.Conntrack.TryRunAsync(arguments, null, cancel).ConfigureAwait(false);
            if (result.ExitCode != 0 && !result.Error.Contains("0 flow entries", StringComparison.Ordinal))
            {
                throw NetworkProgram.Failure(result, $"conntrack {string.Join(' ', arguments)}");
            }
        }
    }

    private static Task<string> DeleteTableAsync() => NetworkProgram.Nft.RunAsync(["-f", "-"], NftRuleset.Delete, CancellationToken.None);

    private static async Task DeleteLinksAsync()
    {
        // -force goes on past a link that was never made.
        var result = await NetworkProgram.Ip
            .TryRunAsync(["-force", "-batch", "-"], BridgeLinks.Delete([BridgeLinks.Bridge, BridgeLinks.Tap]), CancellationToken.None)
            .ConfigureAwait(false);
        if (result.Error.Split('\n').Any(line => line.Length > 0 && !line.StartsWith("Cannot find device", StringComparison.Ordinal)
            && !line.StartsWith("Command failed", StringComparison.Ordinal)))
        {
            throw NetworkProgram.Failure(result, "ip link delete");
        }
    }

    private void OnLeases(IReadOnlyList<DhcpLease> leases)
    {
        _leases = leases;
        LogLeases(string.Join(", ", leases.Select(lease => lease.Address)));
        LeasesChanged?.Invoke(leases);
    }
}
