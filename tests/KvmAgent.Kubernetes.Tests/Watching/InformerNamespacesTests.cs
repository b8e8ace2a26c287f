using System.Text.Json.Nodes;
using KvmAgent.Kubernetes.Core;
using KvmAgent.TestSupport.Api;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Kubernetes.Tests.Watching;

/// <summary>An informer of some namespaces, on a server that has more.</summary>
public sealed class InformerNamespacesTests : IAsyncLifetime, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly CancellationTokenSource _stop = new();
    private readonly List<string> _told = [];
    private TestApiServer _server = null!;
    private KubernetesClient _client = null!;
    private Informer<ConfigMap> _informer = null!;
    private Task _run = Task.CompletedTask;

    public async Task InitializeAsync()
    {
        _server = await TestApiServer.StartAsync(new TestApiServerOptions { Namespaces = ["a", "b", "c"] });
        _client = new KubernetesClient(KubernetesConnection.To(_server.Address, _server.Token), TimeProvider.System);
        _informer = new Informer<ConfigMap>(_client, CoreKinds.ConfigMaps, ["a", "b", "a"], null, TimeProvider.System, NullLogger.Instance);
        _informer.Changed += e =>
        {
            lock (_told)
            {
                _told.Add($"{e.Kind} {e.Object.Metadata.Namespace}/{e.Object.Metadata.Name}");
            }
        };
        foreach (var ns in new[] { "a", "b", "c" })
        {
            Create(ns, "first");
        }
    }

    public async Task DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _client.Dispose();
        await _server.DisposeAsync();
    }

    public void Dispose() => _stop.Dispose();

    [Fact]
    public async Task It_has_what_is_in_them_and_nothing_else()
    {
        await StartAsync();
        Names().ShouldBe(["a/first", "b/first"]);
        Create("c", "second");
        Create("b", "second");
        Create("a", "second");
        await ToldAsync("Added a/second", "Added b/second");
        _server.Delete("", "configmaps", "a", "first");
        await ToldAsync("Deleted a/first");
        Names().ShouldBe(["a/second", "b/first", "b/second"]);
        _server.Requests.All.ShouldAllBe(static r => r.Namespace == "a" || r.Namespace == "b");
        _server.Requests.All.Count(static r => r.Verb == "list").ShouldBe(2);
    }

    [Fact]
    public async Task It_is_not_whole_before_each_is_listed()
    {
        var listed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _server.Faults.Add(static r => r.Path.Value!.Contains("/namespaces/b/", StringComparison.Ordinal), new Fault { Until = listed.Task });
        _run = _informer.RunAsync(_stop.Token);
        await ToldAsync("Added a/first");
        _informer.Synced.IsCompleted.ShouldBeFalse();
        listed.SetResult();
        await _informer.Synced.WaitAsync(Patience);
        Names().ShouldBe(["a/first", "b/first"]);
    }

    [Fact]
    public async Task A_list_of_one_takes_nothing_from_another()
    {
        await StartAsync();
        _server.Faults.ExpireWatches();
        Create("a", "second");
        Create("b", "second");
        await ToldAsync("Added a/second", "Added b/second");
        Told().ShouldNotContain(static t => t.StartsWith("Deleted", StringComparison.Ordinal));
        Names().ShouldBe(["a/first", "a/second", "b/first", "b/second"]);
    }

    [Fact]
    public async Task What_is_written_elsewhere_is_not_observed()
    {
        await StartAsync();
        foreach (var ns in new[] { "b", "c" })
        {
            _informer.Observe(await _client.CreateAsync(CoreKinds.ConfigMaps, new ConfigMap { Metadata = new() { Name = "own", Namespace = ns } }, CancellationToken.None));
        }

        _informer.Get("b", "own").ShouldNotBeNull();
        _informer.Get("c", "own").ShouldBeNull();
    }

    private async Task StartAsync()
    {
        _run = _informer.RunAsync(_stop.Token);
        await _informer.Synced.WaitAsync(Patience);
    }

    private void Create(string ns, string name) => _server.Create(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "ConfigMap",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = ns },
    });

    private IEnumerable<string> Names() => _informer.List().Select(static m => $"{m.Metadata.Namespace}/{m.Metadata.Name}").Order(StringComparer.Ordinal);

    private async Task ToldAsync(params string[] events)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!events.All(Told().Contains))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, patience.Token);
        }
    }

    private List<string> Told()
    {
        lock (_told)
        {
            return [.. _told];
        }
    }
}
