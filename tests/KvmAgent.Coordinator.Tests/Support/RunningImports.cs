using System.Net;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Hosting;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Imports.Clones;
using KvmAgent.Coordinator.Imports.Uploads;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Tests.Machines;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport.Api;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.Support;

/// <summary>The controllers of imports with their caches, and where importers report, until it is disposed of.</summary>
internal sealed class RunningImports : IAsyncDisposable
{
    public const string Audience = "kvm-coordinator";

    private static readonly byte[] Secret = [1, 2, 3];

    private readonly CancellationTokenSource _stop = new();
    private readonly KubernetesClient _client;
    private readonly PodTokens _tokens;
    private readonly ImportCache _cache;
    private readonly Task _watching;
    private WebApplication? _listener;
    private ImportControllers? _controllers;
    private Task _running = Task.CompletedTask;

    private RunningImports(TestApiServer server)
    {
        _client = new KubernetesClient(KubernetesConnection.To(server.Address, server.Token), TimeProvider.System);
        _tokens = new PodTokens(_client, Audience);
        var machines = new MachineCache(_client, null, TimeProvider.System, NullLogger<MachineCache>.Instance);
        _cache = new ImportCache(_client, machines, null, TimeProvider.System, NullLogger<ImportCache>.Instance);
        _watching = Task.WhenAll(machines.RunAsync(_stop.Token), _cache.RunAsync(_stop.Token));
    }

    /// <summary>Where importers report.</summary>
    public string Url { get; private set; } = "";

    /// <param name="time">Of the controllers; what watches and asks has the system's.</param>
    public static async Task<RunningImports> StartAsync(TestApiServer server, ImportOptions options, TimeProvider? time = null)
    {
        var imports = new RunningImports(server);
        (imports._listener, var bound) = await Listener.StartAsync(new IPEndPoint(IPAddress.Loopback, 0), null, imports.Map, NullLoggerFactory.Instance, CancellationToken.None);
        imports.Url = $"http://{bound}";
        var machines = Given.Options(null) with { Link = new Coordinator.Machines.LinkOptions(imports.Url, "-----BEGIN CERTIFICATE-----", Audience) };
        imports._controllers = new ImportControllers(
            imports._client, imports._cache, machines, options, new CloneKeys(Secret), time ?? TimeProvider.System, NullLoggerFactory.Instance);
        imports._running = imports._controllers.RunAsync(imports._stop.Token);
        return imports;
    }

    /// <summary>For uploads.</summary>
    public UploadTokens UploadTokens { get; } = new(static () => Secret, TimeProvider.System);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching;
        await _running;
        await _listener!.DisposeAsync();
        _controllers?.Dispose();
        _tokens.Dispose();
        _client.Dispose();
        _stop.Dispose();
    }

    private void Map(IEndpointRouteBuilder routes)
    {
        AdmitAgent admit = new ImporterAdmission(_tokens, _cache).AdmitAsync;
        new ImporterEndpoints(_client, _cache, admit, TimeProvider.System).Map(routes);
        var uploads = new UploadSlots();
        new UploadWaits(_client, _cache, uploads, admit, TimeProvider.System).Map(routes);
        new UploadEndpoints(new UploadSink(_cache, uploads, TimeProvider.System), UploadTokens).Map(routes);
    }
}
