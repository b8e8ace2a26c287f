using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Tests.Machines;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Imports;

/// <summary>The controller of imports with importers that do nothing but end well.</summary>
public sealed class ImportControllerTests : IAsyncLifetime
{
    private const string Namespace = "golden";
    private const int Concurrency = 5, All = 200;

    private TestApiServer _server = null!;
    private RunningImports _imports = null!;

    /// <summary>Importers that were there at once.</summary>
    private int _most;

    public async Task InitializeAsync()
    {
        _server = await KubeVirtServer.StartAsync(Namespace);
        _imports = await RunningImports.StartAsync(_server, new ImportOptions { Concurrency = Concurrency });
    }

    public async Task DisposeAsync()
    {
        await _imports.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Two_hundred_claims_take_their_turns()
    {
        using var stop = new CancellationTokenSource();
        var importing = ImportAsync(stop.Token);
        for (var n = 0; n < All; n++)
        {
            Claim($"disk-{n}");
        }

        await RunningController.UntilAsync(() => Enumerable.Range(0, All).All(n => Annotation($"disk-{n}", ImportAnnotations.Phase) == ImportState.Succeeded));
        await RunningController.UntilAsync(() => _server.Count("", "pods") == 0);
        await stop.CancelAsync();
        await importing;
        _most.ShouldBe(Concurrency);
    }

    [Fact]
    public async Task A_quota_that_refuses_the_pod_is_told_on_the_claim()
    {
        _server.Faults.OnRequest = static r => r.Method == "POST" && r.Path.Value!.EndsWith("/pods", StringComparison.Ordinal) ? new Fault { Status = 403 } : null;
        Claim("disk");
        await RunningController.UntilAsync(() => Annotation("disk", ImportAnnotations.RunningReason) is not (null or ImportState.Waiting));
        Annotation("disk", ImportAnnotations.Phase).ShouldBe(ImportState.Pending);
        Annotation("disk", ImportAnnotations.RunningReason).ShouldBe("Forbidden");
        await RunningController.UntilAsync(() => _server.All("", "events", Namespace).Any(static e => (string?)e["reason"] == "ImportPending"));
    }

    private void Claim(string name) => _server.Create(JsonNode.Parse(
        $$$"""
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
         "metadata": {"name": "{{{name}}}", "namespace": "{{{Namespace}}}", "annotations": {"cdi.kubevirt.io/storage.import.endpoint": "https://example.com/{{{name}}}"} },
         "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"} } } }
        """)!.AsObject());

    private string? Annotation(string claim, string name) => (string?)_server.Get("", "persistentvolumeclaims", Namespace, claim)!["metadata"]!["annotations"]?[name];

    /// <summary>Ends importers when as many are there as may be, or as there will be. One that has no node goes at once when it is deleted.</summary>
    private async Task ImportAsync(CancellationToken stop)
    {
        var ended = 0;
        while (!stop.IsCancellationRequested)
        {
            var pods = _server.All("", "pods", Namespace).Where(static p => (string?)p["status"]?["phase"] != ImportState.Succeeded).ToList();
            _most = Math.Max(_most, pods.Count);
            if (pods.Count >= Concurrency || ended + pods.Count == All)
            {
                ended += pods.Count;
                foreach (var pod in pods)
                {
                    _server.SetStatus("", "pods", Namespace, (string)pod["metadata"]!["name"]!, new JsonObject { ["phase"] = ImportState.Succeeded });
                }
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
