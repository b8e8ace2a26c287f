using System.Net;
using System.Net.Sockets;
using KvmAgent.Settings;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Link;

/// <summary>
/// One link to each address that the coordinator's name has, looked up every 30 s and after each failure: replicas come and go. An address
/// that is gone is dialled no more, but a link that stands is left alone.
/// </summary>
internal sealed partial class LinkPool : IAsyncDisposable
{
    private const int MostAddresses = 16;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(30);

    private readonly string _host;
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolve;
    private readonly Func<IPAddress, CancellationToken, LinkToAddress> _make;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _ended = new();
    private readonly SemaphoreSlim _lookAgain = new(0, 1);
    private readonly Lock _gate = new();
    private readonly Dictionary<IPAddress, (LinkToAddress Link, Task Running)> _links = [];
    private readonly Task _resolving;
    private HashSet<IPAddress> _known = [];
    private string? _fault;

    /// <param name="settings">The coordinator's URL.</param>
    /// <param name="resolve">Looks a name up.</param>
    /// <param name="make">Makes the link to an address; the token ends what it began.</param>
    public LinkPool(
        LinkSettings settings,
        Func<string, CancellationToken, Task<IPAddress[]>> resolve,
        Func<IPAddress, CancellationToken, LinkToAddress> make,
        TimeProvider time,
        ILogger<LinkPool> log)
    {
        // Of an IPv6 literal without its brackets.
        _host = settings.Url!.DnsSafeHost;
        (_resolve, _make, _time, _log) = (resolve, make, time, log);
        _resolving = Task.Run(ResolveAsync);
    }

    /// <summary>Waits until each link that stands has told everything.</summary>
    public async Task FinishAsync(TimeSpan limit)
    {
        Task[] links;
        lock (_gate)
        {
            links = [.. _links.Values.Select(static entry => entry.Link.FinishAsync())];
        }

        try
        {
            await Task.WhenAll(links).WaitAsync(limit, _time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // A coordinator that is there learns it from the next agent's journal, or from the pod.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync().ConfigureAwait(false);
        await _resolving.ConfigureAwait(false);
        await Task.WhenAll(_links.Values.Select(static entry => entry.Running)).ConfigureAwait(false);
        _ended.Dispose();
        _lookAgain.Dispose();
    }

    private async Task ResolveAsync()
    {
        try
        {
            while (true)
            {
                await LookAsync().ConfigureAwait(false);
                await _lookAgain.WaitAsync(Every, _ended.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_ended.IsCancellationRequested)
        {
            // All is said.
        }
    }

    private async Task LookAsync()
    {
        try
        {
            var addresses = await _resolve(_host, _ended.Token).ConfigureAwait(false);
            Take([.. addresses.Distinct().Order(Comparer<IPAddress>.Create(Compare)).Take(MostAddresses)]);
            _fault = null;
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            if (_fault != e.Message)
            {
                LogUnknown(_host, _fault = e.Message);
            }
        }
    }

    private void Take(HashSet<IPAddress> addresses)
    {
        lock (_gate)
        {
            _known = addresses;
            foreach (var address in addresses.Where(address => !_links.ContainsKey(address)))
            {
                var link = _make(address, _ended.Token);
                _links.Add(address, (link, Task.Run(() => RunAsync(address, link))));
            }
        }
    }

    private async Task RunAsync(IPAddress address, LinkToAddress link)
    {
        try
        {
            await link.RunAsync(() => StillKnown(address), _ended.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_ended.IsCancellationRequested)
        {
            return;
        }

        lock (_gate)
        {
            _links.Remove(address);
        }
    }

    /// <summary>Asked after each failure.</summary>
    private bool StillKnown(IPAddress address)
    {
        lock (_gate)
        {
            if (_lookAgain.CurrentCount == 0)
            {
                _lookAgain.Release();
            }

            return _known.Contains(address);
        }
    }

    private static int Compare(IPAddress a, IPAddress b) => a.GetAddressBytes().AsSpan().SequenceCompareTo(b.GetAddressBytes());

    [LoggerMessage(Level = LogLevel.Warning, Message = "the coordinator's name {Host} has no address: {Error}; the VM goes on without it")]
    private partial void LogUnknown(string host, string error);
}
