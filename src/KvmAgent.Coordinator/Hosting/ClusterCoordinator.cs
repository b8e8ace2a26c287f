using System.Net;
using System.Net.Security;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Certificates;
using KvmAgent.Coordinator.History;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Imports.Clones;
using KvmAgent.Coordinator.Imports.Uploads;
using KvmAgent.Coordinator.Inventory;
using KvmAgent.Coordinator.Jobs;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Metrics;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest;
using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Coordinator.Store;
using KvmAgent.Coordinator.Subresources;
using KvmAgent.Kubernetes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Hosting;

/// <summary>
/// The coordinator of a cluster, put together: what each replica does (watch, take agents' links, serve the aggregated API), and what the
/// leader alone does (realise machines).
/// </summary>
internal sealed class ClusterCoordinator : IAsyncDisposable
{
    private readonly CoordinatorSettings _settings;
    private readonly KubernetesClient _client;

    /// <summary>Connections of its own: a renewal must not wait behind thousands of other requests.</summary>
    private readonly KubernetesClient _electionClient;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _logs;
    private readonly AgentRegistry _agents = new();
    private readonly MachineCache _cache;
    private readonly ImportCache? _imports;
    private readonly PodTokens _tokens;
    private readonly UploadTokens _uploadTokens;
    private readonly UploadSlots _uploads = new();
    private readonly UploadSink? _sink;
    private readonly ServingCertificate _certificate;
    private readonly FrontProxy _frontProxy;
    private readonly Peers? _peers;
    private readonly VmTable _vms;
    private readonly ProviderSet _providers;
    private readonly HistoryNews _news = new();
    private readonly RecordStore? _records;
    private readonly RestApi _management;
    private readonly List<WebApplication> _listeners = [];
    private LeaderElection? _election;

    /// <param name="resolve">Finds all addresses of a name; null: the system.</param>
    public ClusterCoordinator(
        CoordinatorSettings settings, KubernetesConnection connection, TimeProvider time, ILoggerFactory logs,
        Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null)
    {
        (_settings, _time, _logs) = (settings, time, logs);
        _client = new KubernetesClient(connection, time, new KubernetesClientOptions { UserAgent = "kvm-coordinator" });
        _electionClient = new KubernetesClient(connection, time, new KubernetesClientOptions { UserAgent = "kvm-coordinator/leader-election" });
        _cache = new MachineCache(_client, settings.WatchNamespaces, time, logs.CreateLogger<MachineCache>());
        _imports = settings.Imports.Concurrency > 0 ? new ImportCache(_client, _cache, settings.WatchNamespaces, time, logs.CreateLogger<ImportCache>()) : null;
        _tokens = new PodTokens(_client, settings.Audience);
        _sink = _imports is null ? null : new UploadSink(_imports, _uploads, time);
        _uploadTokens = new UploadTokens(() => _certificate!.SharedSecret, time);
        _cache.PodGone += _agents.Forget;
        _certificate = new ServingCertificate(
            _client, settings.Namespace, settings.TlsSecret, settings.TlsNames, time, logs.CreateLogger<ServingCertificate>());
        _peers = settings.AgentUrl is { } url
            ? new Peers(new Uri(url).Host, settings.ListenApi.Port, _certificate, resolve ?? Dns.GetHostAddressesAsync, time)
            : null;
        _frontProxy = new FrontProxy(_client, time, logs.CreateLogger<FrontProxy>());
        _vms = new VmTable(Provider.Own, _cache.Machines, _cache.Instances);
        var access = new ClusterAccess(_client, time);
        var own = new Provider
        {
            Name = Provider.Own,
            Namespace = settings.WatchNamespaces is [var first, ..] ? first : Provider.UsualNamespace,
            Namespaces = settings.WatchNamespaces,
            Vms = _vms,
            ClientFor = caller => _client.For(caller.Token),
        };
        _providers = new ProviderSet(
            own,
            new SecretProviders(_client, settings.Namespace, time, logs.CreateLogger<SecretProviders>()),
            new ProviderDialer(settings.ProviderAllowAddresses, time),
            access,
            time,
            logs);
        _records = RecordStores.Of(settings, logs);
        _management = ManagementApi.Of(_providers, access, _records, _news, _sink, () => _certificate.SharedSecret, time, logs);
    }

    /// <summary>Where it listens: agents, API server, health, management, and uploads where claims are filled. Known once it is started.</summary>
    public IReadOnlyList<IPEndPoint> EndPoints { get; private set; } = [];

    public bool IsLeader => _election?.IsLeader == true;

    public async ValueTask DisposeAsync()
    {
        foreach (var listener in _listeners)
        {
            await listener.DisposeAsync().ConfigureAwait(false);
        }

        _management.Dispose();
        await _providers.DisposeAsync().ConfigureAwait(false);
        if (_records is not null)
        {
            await _records.DisposeAsync().ConfigureAwait(false);
        }

        _peers?.Dispose();
        _tokens.Dispose();
        _electionClient.Dispose();
        _client.Dispose();
    }

    /// <summary>Listens; fails where the API server does not answer, or a port is taken.</summary>
    public async Task StartAsync(CancellationToken cancel)
    {
        await _certificate.LookAsync(cancel).ConfigureAwait(false);
        await _frontProxy.LookAsync(cancel).ConfigureAwait(false);
        EndPoints =
        [
            await ListenAsync(_settings.ListenAgents, Listener.Tls(() => _certificate.Context), MapAgents, cancel).ConfigureAwait(false),
            await ListenAsync(_settings.ListenApi, Listener.Tls(() => _certificate.Context, c => _frontProxy.IsTrusted(c) || _certificate.IsOwnClient(c)), MapApi, cancel).ConfigureAwait(false),
            await ListenAsync(_settings.ListenHealth, null, MapHealth, cancel).ConfigureAwait(false),
            await ListenAsync(_settings.ListenManagement, Listener.Tls(() => _certificate.Context), _management.Map, cancel).ConfigureAwait(false),
        ];
        if (_sink is not null)
        {
            // A port of its own: it is the one that people reach from outside of the cluster.
            var uploads = new UploadEndpoints(_sink, _uploadTokens);
            EndPoints = [.. EndPoints, await ListenAsync(_settings.ListenUploads, Listener.Tls(() => _certificate.Context), uploads.Map, cancel).ConfigureAwait(false)];
        }
    }

    /// <summary>Until it is stopped, or a part of it fails: then all ends, for the rest would go on as if nothing were missing.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        _election = new LeaderElection(
            _electionClient,
            new LeaderElectionOptions { Namespace = _settings.Namespace, Name = "kvm-coordinator", Identity = _settings.Identity },
            _time,
            _logs.CreateLogger<LeaderElection>());
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task[] parts = [WatchAsync(end.Token), _certificate.RunAsync(end.Token), _frontProxy.RunAsync(end.Token), _election.RunAsync(LeadAsync, end.Token), SpareMemory.RunAsync(_time, end.Token)];
        await Task.WhenAny(parts).ConfigureAwait(false);
        await end.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(parts).ConfigureAwait(false);
        foreach (var listener in _listeners)
        {
            await listener.StopAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    private Task WatchAsync(CancellationToken stop) => Task.WhenAll(_cache.RunAsync(stop), _vms.RunAsync(stop), _providers.RunAsync(stop), _imports?.RunAsync(stop) ?? Task.CompletedTask);

    private async Task LeadAsync(CancellationToken stop)
    {
        var options = _settings.Machines with
        {
            Link = _settings.AgentUrl is { } url ? new Machines.LinkOptions(url, _certificate.AuthorityPem, _settings.Audience) : null,
        };
        var events = new EventRecorder(_client, _time, _logs.CreateLogger<EventRecorder>());
        var controller = new MachineController(_client, _cache, _agents, events, options, _time, _logs.CreateLogger<MachineController>());
        var registration = new ApiRegistration(_client, _certificate, ApiServices(), _time, _logs.CreateLogger<ApiRegistration>());
        await Task.WhenAll(
            controller.RunAsync(stop),
            registration.RunAsync(stop),
            LeadJobsAsync(stop),
            LeadHistoryAsync(stop),
            _imports is null ? Task.CompletedTask : LeadImportsAsync(_imports, options, stop)).ConfigureAwait(false);
    }

    private Task LeadHistoryAsync(CancellationToken stop)
    {
        if (_records is null)
        {
            return Task.CompletedTask;
        }

        var writer = new HistoryWriter(_records, _vms, _news, _settings.EventsKept, _time, _logs.CreateLogger<HistoryWriter>());
        var events = new ClusterEvents(_client, _cache, _settings.WatchNamespaces, writer, _time, _logs.CreateLogger<ClusterEvents>());
        return Task.WhenAll(writer.RunAsync(stop), events.RunAsync(stop));
    }

    private Task LeadJobsAsync(CancellationToken stop) => _records is null ? Task.CompletedTask
        : new JobController(new JobStore(_records), new JobSight(_providers, new CachedJobObjects(_client, _cache, _imports)), _time, _logs.CreateLogger<JobController>()).RunAsync(stop);

    private List<string> ApiServices()
    {
        var names = SubresourceApi.Versions.Select(static v => $"{v}.{SubresourceApi.Group}").ToList();
        if (_imports is not null)
        {
            names.Add($"{UploadTokenApi.Version}.{UploadTokenApi.GroupName}");
        }

        return names;
    }

    private async Task LeadImportsAsync(ImportCache cache, MachineOptions machines, CancellationToken stop)
    {
        using var controllers = new ImportControllers(_client, cache, machines, _settings.Imports, new CloneKeys(_certificate.SharedSecret), _time, _logs);
        var address = new UploadAddress(_client, _settings.UploadUrl, _time, _logs.CreateLogger<UploadAddress>());
        await Task.WhenAll(controllers.RunAsync(stop), address.RunAsync(stop)).ConfigureAwait(false);
    }

    private void MapAgents(IEndpointRouteBuilder routes)
    {
        routes.MapAgents(new AgentServices(
            _agents, new ClusterAdmission(_tokens, _cache).AdmitAsync, new AgentLinkOptions(), _time, _logs.CreateLogger<AgentSession>()));
        if (_imports is not null)
        {
            AdmitAgent admit = new ImporterAdmission(_tokens, _imports).AdmitAsync;
            new ImporterEndpoints(_client, _imports, admit, _time).Map(routes);
            new UploadWaits(_client, _imports, _uploads, admit, _time).Map(routes);
        }
    }

    private void MapApi(IEndpointRouteBuilder routes)
    {
        _peers?.Map(routes, _agents);
        var all = SubresourceList.Of(_client, _cache.Sizes, new InstanceLinks(_client, _agents, _peers, _time));
        var access = new SubresourceAccess(_client);
        var uploads = _imports is null ? null : new UploadTokenApi(_imports, _uploadTokens, access);
        uploads?.Map(routes);
        new SubresourceApi(all, access.AdmitAsync, _peers, _logs.CreateLogger<SubresourceApi>()) { Others = uploads is null ? [] : [uploads.Group] }.Map(routes);
    }

    private void MapHealth(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/healthz", static () => "ok");
        routes.MapGet("/metrics", () => Results.Text(MachineMetrics.Text(_cache.Instances.List(), Figures), MachineMetrics.ContentType));
        routes.MapGet("/readyz", () => _cache.Synced.IsCompletedSuccessfully ? Results.Text("ok") : Results.Text("the caches are not filled yet", statusCode: 503));
    }

    private AgentFigures? Figures(string podUid) => _agents.Find(podUid) is { } link ? new AgentFigures(link.Status, link.Usage) : null;

    private async Task<IPEndPoint> ListenAsync(
        IPEndPoint endpoint, Func<SslServerAuthenticationOptions>? tls, Action<IEndpointRouteBuilder> map, CancellationToken cancel)
    {
        var (application, bound) = await Listener.StartAsync(endpoint, tls, map, _logs, cancel).ConfigureAwait(false);
        _listeners.Add(application);
        return bound;
    }
}
