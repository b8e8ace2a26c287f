using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Inventory;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Providers;

/// <summary>Another cluster as it is kept, dialled by its own credentials: its machines are watched, and how it is is looked at where somebody asks.</summary>
internal sealed class RunningProvider : IAsyncDisposable
{
    /// <summary>A look is good for so long: lists of providers are asked for often.</summary>
    private static readonly TimeSpan LookIsGood = TimeSpan.FromSeconds(5);

    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly KubernetesClient? _client;
    private readonly string? _problem;
    private readonly Task _running = Task.CompletedTask;
    private Task<ProviderLook>? _look;
    private ProviderLook? _last;
    private long _lookedAt;

    private RunningProvider(StoredProvider stored, ProviderDialer dialer, TimeProvider time, ILoggerFactory logs)
    {
        (Stored, _time, _problem) = (stored, time, stored.Problem);
        if (stored.Kept is not { } kept)
        {
            return;
        }

        try
        {
            _client = dialer.Dial(kept);
        }
        catch (CoordinatorException e)
        {
            _problem = e.Message;
            return;
        }

        var log = logs.CreateLogger($"{typeof(RunningProvider).FullName}.{kept.Name}");
        Namespace = kept.Namespace ?? _client.Connection.Namespace ?? Provider.UsualNamespace;
        IReadOnlyList<string>? namespaces = kept.AllNamespaces ? null : [Namespace];
        var machines = new Informer<VirtualMachine>(_client, Kinds.VirtualMachines, namespaces, new() { Transform = Slim.Machine }, time, log);
        var instances = new Informer<VirtualMachineInstance>(_client, Kinds.VirtualMachineInstances, namespaces, new() { Transform = Slim.Instance }, time, log);
        var vms = new VmTable(kept.Name, machines, instances);
        Provider = new Provider
        {
            Name = kept.Name,
            Namespace = Namespace,
            Namespaces = namespaces,
            StorageClass = kept.StorageClass,
            Vms = vms,
            ClientFor = _ => _client,
        };
        _running = Task.WhenAll(machines.RunAsync(_stop.Token), instances.RunAsync(_stop.Token), vms.RunAsync(_stop.Token));
    }

    /// <summary>Of another version where it has been written anew as it was.</summary>
    public StoredProvider Stored { get; set; }

    /// <summary>Null: nothing can be asked of it.</summary>
    public Provider? Provider { get; }

    /// <summary>By what is kept of it; null likewise.</summary>
    public KubernetesClient? Client => _client;

    private string? Namespace { get; }

    public static RunningProvider Start(StoredProvider stored, ProviderDialer dialer, TimeProvider time, ILoggerFactory logs) => new(stored, dialer, time, logs);

    /// <summary>How it is, now or some seconds ago. Whoever asks meanwhile is told what one look has seen.</summary>
    /// <param name="within">How long to wait for it; then it is told as it was before.</param>
    public async Task<ProviderLook> LookAsync(TimeSpan within, CancellationToken cancel)
    {
        if (_client is null)
        {
            return new ProviderLook(ProviderStates.Unusable, _problem);
        }

        try
        {
            return await Look(_client).WaitAsync(within, _time, cancel).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return Volatile.Read(ref _last) ?? new ProviderLook(ProviderStates.Unreachable, $"{_client.Connection.Server.GetLeftPart(UriPartial.Authority)} has not answered yet");
        }
        catch (Exception e) when (e is ObjectDisposedException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return new ProviderLook(ProviderStates.Unreachable, "it has just been changed or removed");
        }
    }

    private Task<ProviderLook> Look(KubernetesClient client)
    {
        lock (_gate)
        {
            if (_look is null || (_look.IsCompleted && _time.GetElapsedTime(_lookedAt) > LookIsGood))
            {
                (_look, _lookedAt) = (LookAsync(client, _stop.Token), _time.GetTimestamp());
            }

            return _look;
        }
    }

    private async Task<ProviderLook> LookAsync(KubernetesClient client, CancellationToken stop)
    {
        var look = await ProviderLook.AtAsync(client, Namespace!, _time, stop).ConfigureAwait(false);
        Volatile.Write(ref _last, look);
        return look;
    }

    public async Task<ProviderSummary> SummaryAsync(TimeSpan within, CancellationToken cancel)
    {
        var look = await LookAsync(within, cancel).ConfigureAwait(false);
        return new ProviderSummary
        {
            Name = Stored.Name,
            Credential = Stored.Kept?.Credential,
            Server = _client?.Connection.Server.GetLeftPart(UriPartial.Path).TrimEnd('/'),
            Context = Stored.Kept?.Context,
            Namespace = Namespace,
            AllNamespaces = Stored.Kept?.AllNamespaces == true,
            StorageClass = Stored.Kept?.StorageClass,
            Insecure = _client?.Connection.ChecksServer == false,
            State = look.State,
            Message = look.Message,
            Version = look.Version,
            AddedAt = Stored.AddedAt,
        };
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _client?.Dispose();
        _stop.Dispose();
    }
}
