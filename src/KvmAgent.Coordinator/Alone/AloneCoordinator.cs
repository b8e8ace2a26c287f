using System.Net;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Alone.Api;
using KvmAgent.Coordinator.Alone.Store;
using KvmAgent.Coordinator.Hosting;
using KvmAgent.Coordinator.Metrics;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Store;
using KvmAgent.Coordinator.Subresources;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Alone;

/// <summary>
/// The coordinator without a cluster, put together: agents enrol and report, what they tell is kept in a directory, and people ask for it by
/// an API that <c>kubectl</c> and <c>virtctl</c> take for a cluster's. What it makes is nothing: VMs are started by whoever starts their agents.
/// </summary>
internal sealed class AloneCoordinator : IAsyncDisposable
{
    private readonly AloneSettings _settings;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _logs;
    private readonly DataDirectory _directory;
    private readonly IDisposable _lock;
    private readonly AloneStore _store;
    private readonly SqliteProviders _others;
    private readonly RecordStore _records;
    private readonly AgentRegistry _agents = new();
    private readonly AloneMachines _machines;
    private readonly KeptCertificate _certificate;
    private readonly AgentLinkOptions _links;
    private readonly List<WebApplication> _listeners = [];
    private AloneProvider? _provider;

    /// <exception cref="CoordinatorException">The directory cannot be used, or what is in it makes no sense.</exception>
    public AloneCoordinator(AloneSettings settings, TimeProvider time, ILoggerFactory logs, AgentLinkOptions? links = null)
    {
        (_settings, _time, _logs, _directory) = (settings, time, logs, new DataDirectory(settings.DataDir));
        // Whoever has a token is asked for it again with each dial, and whoever is forgotten loses the link: nothing expires meanwhile.
        _links = (links ?? new AgentLinkOptions()) with { TokensArePods = false };
        _lock = _directory.Open();
        _records = RecordStores.Of(_directory, logs);
        try
        {
            _store = new AloneStore(AloneDatabase.At(_directory.Database).OpenOrCreate());
            _others = new SqliteProviders(
                AloneDatabase.At(_directory.Database).OpenExisting(), new KeyFile(settings.KeyFile, settings.DataDir), time, logs.CreateLogger<SqliteProviders>());
            _machines = new AloneMachines(_store, _agents, time, logs.CreateLogger<AloneMachines>());
            _certificate = new KeptCertificate(_directory, CertificateNames(), time, logs.CreateLogger<KeptCertificate>());
        }
        catch
        {
            _others?.Dispose();
            _store?.Dispose();
            _lock.Dispose();
            throw;
        }
    }

    /// <summary>Where it listens: agents, API, health, management. Known once it is started.</summary>
    public IReadOnlyList<IPEndPoint> EndPoints { get; private set; } = [];

    public string Kubeconfig => _directory.Kubeconfig;

    public string Login => _directory.Login;

    /// <summary>Where a browser goes.</summary>
    public Uri Console => Url(EndPoints[3]);

    public string AgentsDirectory => _directory.Agents;

    /// <summary>What an agent on this machine dials.</summary>
    public Uri AgentUrl => Url(EndPoints[0]);

    public async ValueTask DisposeAsync()
    {
        foreach (var listener in _listeners)
        {
            await listener.DisposeAsync().ConfigureAwait(false);
        }

        if (_provider is not null)
        {
            await _provider.DisposeAsync().ConfigureAwait(false);
        }

        await _records.DisposeAsync().ConfigureAwait(false);
        _others.Dispose();
        _store.Dispose();
        _lock.Dispose();
    }

    /// <summary>Listens. Fails where an address cannot be had.</summary>
    public async Task StartAsync(CancellationToken cancel)
    {
        await _records.OpenAsync(cancel).ConfigureAwait(false);
        await _certificate.LookAsync(cancel).ConfigureAwait(false);
        var enrolment = KeptTokens.Enrolment(_directory, _store);
        byte[] people = [];
        var agents = await ListenAsync(_settings.ListenAgents, isTls: true, routes => MapAgents(routes, enrolment), cancel).ConfigureAwait(false);
        // The token is in a file that says where this listens, so it is known a moment later than that; until then nobody has it.
        var api = await ListenAsync(
            _settings.ListenApi, isTls: true, MapApi, cancel, (context, next) => AloneApi.Gate(Volatile.Read(ref people))(context, next)).ConfigureAwait(false);
        var token = KeptTokens.People(_directory, _store, Url(api), _certificate.AuthorityPem);
        Volatile.Write(ref people, Token.Hash(token));
        _provider = new AloneProvider(
            Url(api), token, _certificate.AuthorityPem, () => _certificate.SharedSecret, _others, _records, _settings.EventsKept, new ProviderDialer(_settings.ProviderAllowAddresses, _time), _time, _logs);
        EndPoints =
        [
            agents,
            api,
            await ListenAsync(_settings.ListenHealth, isTls: false, MapHealth, cancel).ConfigureAwait(false),
            await ListenAsync(_settings.ListenManagement, isTls: true, _provider.Management.Map, cancel).ConfigureAwait(false),
        ];
        KeptTokens.Login(_directory, Url(EndPoints[3]), _certificate.AuthorityPem, token);
    }

    /// <summary>Until it is stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        await Task.WhenAll(_machines.RunAsync(stop), _provider!.RunAsync(stop), _certificate.RunAsync(stop), SpareMemory.RunAsync(_time, stop)).ConfigureAwait(false);
        foreach (var listener in _listeners)
        {
            await listener.StopAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    private void MapAgents(IEndpointRouteBuilder routes, byte[] enrolment) => routes.MapAgents(new AgentServices(
        _agents, new AloneAdmission(_machines, enrolment, _time, _logs.CreateLogger<EnrolmentSession>()).AdmitAsync, _links, _time, _logs.CreateLogger<AgentSession>()));

    private void MapApi(IEndpointRouteBuilder routes) => AloneApi.Map(
        routes,
        new VmiResource(_store, _machines, _agents, _time, _logs.CreateLogger<VmiResource>()),
        _machines,
        _agents,
        _time,
        _logs.CreateLogger<SubresourceApi>());

    private void MapHealth(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/healthz", static () => "ok");
        routes.MapGet("/metrics", () => Results.Text(MachineMetrics.Text(_machines.List(), Figures), MachineMetrics.ContentType));
        routes.MapGet("/readyz", () =>
        {
            try
            {
                _ = _store.Versions;
                return Results.Text("ok");
            }
            catch (CoordinatorException e)
            {
                return Results.Text(e.Message, statusCode: 503);
            }
        });
    }

    private AgentFigures? Figures(string uid) => _agents.Find(uid) is { } link ? new AgentFigures(link.Status, link.Usage) : null;

    private async Task<IPEndPoint> ListenAsync(
        IPEndPoint endpoint, bool isTls, Action<IEndpointRouteBuilder> map, CancellationToken cancel, Func<HttpContext, RequestDelegate, Task>? gate = null)
    {
        var tls = isTls ? Listener.Tls(() => _certificate.Context) : null;
        var (application, bound) = await Listener.StartAsync(endpoint, tls, map, _logs, cancel, gate).ConfigureAwait(false);
        _listeners.Add(application);
        return bound;
    }

    private IReadOnlyList<string> CertificateNames() =>
    [
        .. _settings.TlsNames
            .Concat(["localhost", IPAddress.Loopback.ToString()])
            .Concat(new[] { _settings.ListenAgents, _settings.ListenApi, _settings.ListenManagement }.Where(static e => !IsAny(e.Address)).Select(static e => e.Address.ToString()))
            .Distinct(),
    ];

    /// <summary>Where all addresses are listened on, a name that was given for it, or this machine's own.</summary>
    private Uri Url(IPEndPoint bound) => new UriBuilder(
        Uri.UriSchemeHttps,
        !IsAny(bound.Address) ? bound.Address.ToString() : _settings.TlsNames is [var name, ..] ? name : IPAddress.Loopback.ToString(),
        bound.Port).Uri;

    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
}
