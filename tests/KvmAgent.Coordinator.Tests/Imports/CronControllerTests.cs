using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Tests.Machines;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Imports;

/// <summary>DataImportCrons on a server, with pods that say what the test wants, and a clock that is moved by hand.</summary>
public sealed class CronControllerTests : IAsyncLifetime
{
    private const string Group = "cdi.kubevirt.io", Golden = "golden";
    private static readonly string First = $"sha256:{new string('a', 64)}", Second = $"sha256:{new string('b', 64)}";

    private readonly ManualTime _time = new();
    private TestApiServer _server = null!;
    private RunningImports _imports = null!;

    public async Task InitializeAsync()
    {
        _server = await KubeVirtServer.StartAsync(Golden);
        _imports = await RunningImports.StartAsync(_server, new ImportOptions(), _time);
    }

    public async Task DisposeAsync()
    {
        await _imports.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_tag_that_moves_is_imported_by_its_digest_and_named()
    {
        Cron("fedora", "30 * * * *", "docker://quay.example/os/fedora:40");
        await PolledAsync(First);
        await ImportedAsync("aaaaaaaaaaaa");
        ((string?)_server.Get(Group, "datavolumes", Golden, "fedora-aaaaaaaaaaaa")!["spec"]!["source"]!["registry"]!["url"]).ShouldBe($"docker://quay.example/os/fedora@{First}");
        await UntilAsync(() => Status("fedora")?["lastImportedPVC"]?["name"]?.ToString() == "fedora-aaaaaaaaaaaa" && Reason("fedora") == "UpToDate");

        // Away at two times of it.
        _time.Advance(TimeSpan.FromHours(2));
        await PolledAsync(Second);
        await ImportedAsync("bbbbbbbbbbbb");
        await UntilAsync(() => Named() == "fedora-bbbbbbbbbbbb");
        _server.Get(Group, "datavolumes", Golden, "fedora-aaaaaaaaaaaa").ShouldNotBeNull();
        Status("fedora")!["lastExecutionTimestamp"]!.GetValue<string>().ShouldStartWith("1970-01-01T02:0");

        // What was had before is not imported again.
        _time.Advance(TimeSpan.FromHours(1));
        await PolledAsync(First);
        await UntilAsync(() => Named() == "fedora-aaaaaaaaaaaa");
        _server.All(Group, "datavolumes", Golden).Count.ShouldBe(2);
    }

    [Fact]
    public async Task What_goes_with_the_cron_goes_with_it_and_what_is_to_stay_stays()
    {
        Cron("fedora", "", "docker://quay.example/os/fedora:40");
        await PolledAsync(First);
        await ImportedAsync("aaaaaaaaaaaa");
        await UntilAsync(() => Named() is not null);
        _server.Delete(Group, "dataimportcrons", Golden, "fedora");
        await UntilAsync(() => _server.All("", "pods", Golden).Count == 0);
        Named().ShouldBe("fedora-aaaaaaaaaaaa");

        Cron("fedora", "", "docker://quay.example/os/fedora:40", "None");
        await PolledAsync(First);
        await UntilAsync(() => _server.Get(Group, "datavolumes", Golden, "fedora-aaaaaaaaaaaa")!["metadata"]!["ownerReferences"] is JsonArray { Count: 1 }
            && _server.Get(Group, "datasources", Golden, "fedora")!["metadata"]!["ownerReferences"] is JsonArray { Count: 1 });
        _server.Delete(Group, "dataimportcrons", Golden, "fedora");
        await UntilAsync(() => _server.All(Group, "datavolumes", Golden).Count == 0 && _server.All(Group, "datasources", Golden).Count == 0);
    }

    [Fact]
    public async Task A_schedule_that_is_none_is_told_and_nothing_is_looked_at()
    {
        Cron("fedora", "every day", "docker://quay.example/os/fedora:40");
        await UntilAsync(() => Reason("fedora") == "InvalidSchedule");
        _server.All("", "pods", Golden).ShouldBeEmpty();
        await UntilAsync(() => _server.All("", "events", Golden).Count(static e => (string?)e["reason"] == "InvalidSchedule") == 1);
    }

    private void Cron(string name, string schedule, string url, string retention = "RetainAll") => _server.Create(JsonNode.Parse(
        $$$"""
        {"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataImportCron", "metadata": {"name": "{{{name}}}", "namespace": "golden"},
         "spec": {"schedule": "{{{schedule}}}", "managedDataSource": "fedora", "retentionPolicy": "{{{retention}}}",
                  "template": {"spec": {"source": {"registry": {"url": "{{{url}}}"} }, "storage": {"resources": {"requests": {"storage": "1Gi"} } } } } } }
        """)!.AsObject());

    /// <summary>The pod that looks says this, and goes.</summary>
    private async Task PolledAsync(string revision)
    {
        await UntilAsync(() => _server.Get("", "pods", Golden, "poll-fedora") is not null);
        var message = $$"""{"message":"Inspected","reason":"Complete","exitCode":0,"revision":"{{revision}}"}""";
        _server.SetStatus("", "pods", Golden, "poll-fedora", new JsonObject
        {
            ["phase"] = "Succeeded",
            ["containerStatuses"] = new JsonArray(new JsonObject
            {
                ["name"] = "importer",
                ["state"] = new JsonObject { ["terminated"] = new JsonObject { ["exitCode"] = 0, ["message"] = message } },
            }),
        });
        await UntilAsync(() => _server.Get("", "pods", Golden, "poll-fedora") is null);
    }

    private async Task ImportedAsync(string shortDigest)
    {
        await UntilAsync(() => _server.Get("", "pods", Golden, $"importer-fedora-{shortDigest}") is not null);
        _server.SetStatus("", "pods", Golden, $"importer-fedora-{shortDigest}", new JsonObject { ["phase"] = "Succeeded" });
    }

    private JsonNode? Status(string cron) => _server.Get(Group, "dataimportcrons", Golden, cron)!["status"];

    private string? Reason(string cron) => (string?)(Status(cron)?["conditions"] as JsonArray)?.Single(static c => (string?)c!["type"] == "UpToDate")!["reason"];

    private string? Named() => (string?)_server.Get(Group, "datasources", Golden, "fedora")?["spec"]!["source"]!["pvc"]?["name"];

    /// <summary>What failed and is tried again waits for this clock.</summary>
    private Task UntilAsync(Func<bool> holds) => RunningController.UntilAsync(() =>
    {
        _time.Advance(TimeSpan.FromMilliseconds(20));
        return holds();
    });
}
