using System.ComponentModel;
using KvmAgent.Processes;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Network;

/// <summary>
/// dnsmasq on the bridge: started, and started again when it dies. The guest's lease never ends, so that an outage of the server
/// costs a running guest nothing; a guest that boots meanwhile asks again and again by itself.
/// </summary>
internal sealed partial class DhcpServer(string runDir, string config, TimeProvider time, ILogger log) : IAsyncDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200), LongestPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(10), StopLimit = TimeSpan.FromSeconds(2);

    private readonly string _pidRecord = Path.Combine(runDir, "dnsmasq.pid");
    private readonly string _configFile = Path.Combine(runDir, DnsmasqConfig.FileName);
    public string LeaseFile { get; } = Path.Combine(runDir, DnsmasqConfig.LeaseFileName);
    private readonly CancellationTokenSource _stopping = new();
    private volatile bool _strangerAsked;
    private Task _supervision = Task.CompletedTask;

    /// <summary>Starts afresh, without the leases of a former run, and returns when it answers.</summary>
    public async Task StartAsync(CancellationToken cancel)
    {
        await ChildProcess.EndLeftoverAsync(_pidRecord, time, cancel).ConfigureAwait(false);
        File.Delete(LeaseFile);
        await File.WriteAllTextAsync(_configFile, config, cancel).ConfigureAwait(false);
        _supervision = SuperviseAsync(await LaunchAsync(cancel).ConfigureAwait(false));
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _supervision.ConfigureAwait(false);
        _stopping.Dispose();
        File.Delete(LeaseFile);
        File.Delete(_configFile);
    }

    /// <summary>Starts the process and waits until its sockets are bound.</summary>
    private async Task<ChildProcess> LaunchAsync(CancellationToken cancel)
    {
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var lastLine = "";
        ChildProcess? process = null;
        process = Start(line =>
        {
            lastLine = line;
            Forward(line);
            if (line.Contains("started, version", StringComparison.Ordinal))
            {
                ready.TrySetResult();
            }
            else if (line.Contains("no addresses available", StringComparison.Ordinal))
            {
                _strangerAsked = true;
                process?.Signal(Native.SigTerm);
            }
        });
        try
        {
            await Task.WhenAny(ready.Task, process.Exited).WaitAsync(StartLimit, time, cancel).ConfigureAwait(false);
            return ready.Task.IsCompleted
                ? process
                : throw new AgentException(
                    FailureReason.Missing, $"dnsmasq ended at once ({await process.Exited.ConfigureAwait(false)}): {lastLine}");
        }
        catch
        {
            await process.StopAsync(StopLimit, time).ConfigureAwait(false);
            process.Dispose();
            throw;
        }
    }

    private ChildProcess Start(Action<string> line)
    {
        try
        {
            return ChildProcess.Start(_pidRecord, NetworkProgram.Dnsmasq.Name, ["--keep-in-foreground", $"--conf-file={_configFile}"], line);
        }
        catch (AgentException e) when (e.InnerException is Win32Exception)
        {
            throw NetworkProgram.Dnsmasq.NotThere(e);
        }
    }

    private async Task SuperviseAsync(ChildProcess process)
    {
        var pause = FirstPause;
        try
        {
            while (true)
            {
                var started = time.GetTimestamp();
                var exit = await process.Exited.WaitAsync(_stopping.Token).ConfigureAwait(false);
                process.Dispose();
                pause = time.GetElapsedTime(started) > LongestPause ? FirstPause : pause;
                if (_strangerAsked)
                {
                    LogForgetting(pause);
                    ForgetIpv6Lease();
                }
                else
                {
                    LogDied(exit, pause);
                }

                (process, pause) = await RelaunchAsync(pause).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            await process.StopAsync(StopLimit, time).ConfigureAwait(false);
            process.Dispose();
        }
    }

    /// <summary>Tries until it runs again, at growing intervals.</summary>
    private async Task<(ChildProcess Process, TimeSpan Pause)> RelaunchAsync(TimeSpan pause)
    {
        while (true)
        {
            await Task.Delay(pause, time, _stopping.Token).ConfigureAwait(false);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            try
            {
                var process = await LaunchAsync(_stopping.Token).ConfigureAwait(false);
                LogRepaired(process.Pid);
                return (process, pause);
            }
            catch (Exception e) when (e is AgentException or TimeoutException)
            {
                LogNotRepaired(e.Message, pause);
            }
        }
    }

    /// <summary>
    /// The guest's one IPv6 address belongs to the DUID that first asked for it. An installer and the system that it installed, or a
    /// machine whose identity was reset, have different ones on the same card, and dnsmasq (unlike under IPv4) knows them by nothing else.
    /// </summary>
    private void ForgetIpv6Lease()
    {
        _strangerAsked = false;
        var leases = File.ReadAllText(LeaseFile);
        var ipv6 = leases.IndexOf("duid ", StringComparison.Ordinal);
        var rest = $"{LeaseFile}.new";
        File.WriteAllText(rest, ipv6 < 0 ? leases : leases[..ipv6]);
        File.Move(rest, LeaseFile, overwrite: true); // never seen empty by those who watch it
    }
}
