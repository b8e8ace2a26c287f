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
    private readonly SemaphoreSlim _looking = new(1);
    private readonly KubernetesClient? _client;
    private readonly string? _problem;
    private Task _running = Task.CompletedTask;
    private (ProviderLook Look, DateTimeOffset At)? _last;

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
            AllNamespaces = kept.AllNamespaces,
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

    private string? Namespace { get; }

    public static RunningProvider Start(StoredProvider stored, ProviderDialer dialer, TimeProvider time, ILoggerFactory logs) => new(stored, dialer, time, logs);

    /// <summary>How it is, now or some seconds ago.</summary>
    public async Task<ProviderLook> LookAsync(CancellationToken cancel)
    {
        if (_client is null)
        {
            return new ProviderLook(ProviderStates.Unusable, _problem);
        }

        await _looking.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            if (_last is not { } last || _time.GetUtcNow() - last.At > LookIsGood)
            {
                _last = last = (await ProviderLook.AtAsync(_client, Namespace!, _time, cancel).ConfigureAwait(false), _time.GetUtcNow());
            }

            return last.Look;
        }
        catch (ObjectDisposedException)
        {
            return new ProviderLook(ProviderStates.Unreachable, "it has just been changed or removed");
        }
        finally
        {
            _looking.Release();
        }
    }

    public async Task<ProviderSummary> SummaryAsync(CancellationToken cancel)
    {
        var look = await LookAsync(cancel).ConfigureAwait(false);
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
