using System.Net;
using KvmAgent.Lifecycle;
using KvmAgent.Settings;
using KvmAgent.Status;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Link;

/// <summary>
/// The link to the coordinator, from the time that RUN_DIR is the agent's until all is said. Without COORDINATOR_URL nothing of it is
/// loaded. It is a guest in this process: whatever a coordinator does or does not do, the VM goes on.
/// </summary>
internal sealed class CoordinatorLink(
    VmSettings settings, HostPaths paths, StatusBoard board, Journal journal, GuestAccess access, StopSignal stop, ILoggerFactory logs, TimeProvider time)
{
    /// <summary>For the last words, which come after the guest's end and within the pod's grace period.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    private LinkPool? _pool;

    public void Start()
    {
        if (settings.Link.Url is not null)
        {
            _pool = Open();
        }
    }

    /// <summary>Waits, but not long, until each coordinator that is connected knows how it ended.</summary>
    public async Task FinishAsync()
    {
        if (_pool is { } pool)
        {
            await pool.FinishAsync(Farewell).ConfigureAwait(false);
            await Task.WhenAny(pool.DisposeAsync().AsTask(), Task.Delay(Farewell, time)).ConfigureAwait(false);
        }
    }

    private LinkPool Open()
    {
        var enrolment = new Enrolment(settings);
        var dialer = new LinkDialer(settings.Link, enrolment, time);
        var freeze = new GuestFreeze(access, stop, time, logs.CreateLogger<GuestFreeze>());
        var targets = new StreamTargets(settings, access);
        var owners = new StreamOwners();
        var usage = new UsageReader(paths, access);
        var commands = new LinkCommands(board, access, stop, freeze, usage);
        return new LinkPool(
            settings.Link,
            static (host, cancel) => Dns.GetHostAddressesAsync(host, cancel),
            (address, ended) => new LinkToAddress(
                address,
                dialer,
                new LinkReports(settings, enrolment, journal, board, usage, time),
                commands,
                new LinkStreams(address, dialer, targets, owners, time, logs.CreateLogger<LinkStreams>(), ended),
                time,
                logs.CreateLogger<LinkToAddress>()),
            time,
            logs.CreateLogger<LinkPool>());
    }
}
