using System.Globalization;
using KvmAgent.Contracts.Link;
using KvmAgent.Lifecycle;
using KvmAgent.Network;
using KvmAgent.Processes;
using KvmAgent.Qemu;

namespace KvmAgent.Link;

/// <summary>What the VM uses, from QEMU's process, the tap and QEMU itself, which may be slow: then there is none this time.</summary>
internal sealed class UsageReader(HostPaths paths, GuestAccess access)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    /// <returns>Null where no machine runs.</returns>
    public async Task<VmUsage?> ReadAsync(CancellationToken cancel)
    {
        if (access.Current is not { } machine || ProcessStat.Read(machine.Pid) is not { } process)
        {
            return null;
        }

        try
        {
            // What the tap sends, the guest receives.
            var network = new NetworkUsage(Counter("tx_bytes"), Counter("tx_packets"), Counter("rx_bytes"), Counter("rx_packets"));
            var block = await machine.Qmp.QueryBlockUsageAsync(Limit, cancel).ConfigureAwait(false);
            return new VmUsage((double)process.CpuTicks / ProcessStat.TicksPerSecond, process.ResidentPages * Environment.SystemPageSize, network, block);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or TimeoutException or QmpException or FormatException)
        {
            return null;
        }
    }

    private long Counter(string name) =>
        long.Parse(File.ReadAllText(Path.Combine(paths.NetworkDevices, BridgeLinks.Tap, "statistics", name)).AsSpan().Trim(), NumberStyles.None, CultureInfo.InvariantCulture);
}
