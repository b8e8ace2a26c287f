using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport.Api;
using Until = KvmAgent.HostTests.Support.Until;

namespace KvmAgent.HostTests.Imports;

/// <summary>An API server, one controller of imports or several, a node, and a site with images.</summary>
internal sealed class ImportCluster : IAsyncDisposable
{
    public const string Namespace = "golden";

    private readonly List<RunningImports> _controllers = [];

    private ImportCluster(TestApiServer server, ImageSite site) => (Server, Site, Node) = (server, site, new ImportNode(server));

    public TestApiServer Server { get; }

    public ImageSite Site { get; }

    public ImportNode Node { get; }

    /// <param name="time">Of the controllers; the system's where none is given.</param>
    public static async Task<ImportCluster> StartAsync(int controllers = 1, int concurrency = 10, TimeProvider? time = null)
    {
        var cluster = new ImportCluster(await KubeVirtServer.StartAsync(Namespace, "shop"), await ImageSite.StartAsync());
        for (var n = 0; n < controllers; n++)
        {
            cluster._controllers.Add(await RunningImports.StartAsync(cluster.Server, new ImportOptions { Concurrency = concurrency }, time));
        }

        return cluster;
    }

    /// <summary>A claim with the annotations, as a person makes it.</summary>
    public void Claim(string name, IReadOnlyDictionary<string, string> annotations, string size = "64Mi") => Server.Create(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "PersistentVolumeClaim",
        ["metadata"] = new JsonObject
        {
            ["name"] = name,
            ["namespace"] = Namespace,
            ["annotations"] = new JsonObject(annotations.Select(static a => KeyValuePair.Create(a.Key, (JsonNode?)a.Value))),
        },
        ["spec"] = new JsonObject
        {
            ["accessModes"] = new JsonArray("ReadWriteOnce"),
            ["resources"] = new JsonObject { ["requests"] = new JsonObject { ["storage"] = size } },
        },
    });

    /// <summary>A DataVolume of an image, whose size it does not say.</summary>
    public void Volume(string name, string url) => Server.Create(JsonNode.Parse(
        $$$"""
        {"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": {"name": "{{{name}}}", "namespace": "{{{Namespace}}}"},
         "spec": {"source": {"http": {"url": "{{{url}}}"} }, "storage": {} } }
        """)!.AsObject());

    public JsonNode? VolumeCondition(string name, string type) =>
        (Server.Get("cdi.kubevirt.io", "datavolumes", Namespace, name)!["status"]?["conditions"] as JsonArray)?.FirstOrDefault(c => (string?)c!["type"] == type);

    /// <summary>With the names of the first releases.</summary>
    public static Dictionary<string, string> Early(string endpoint, string? secret = null)
    {
        var annotations = new Dictionary<string, string> { ["kubevirt.io/storage.import.endpoint"] = endpoint };
        if (secret is not null)
        {
            annotations["kubevirt.io/storage.import.secretName"] = secret;
        }

        return annotations;
    }

    /// <summary>With today's.</summary>
    public static Dictionary<string, string> Modern(string endpoint, string source = "http") => new()
    {
        ["cdi.kubevirt.io/storage.import.endpoint"] = endpoint,
        ["cdi.kubevirt.io/storage.import.source"] = source,
    };

    public void Secret(string name, params (string Key, string Value)[] data) => Server.Create(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Secret",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = Namespace },
        ["data"] = new JsonObject(data.Select(static d => KeyValuePair.Create(d.Key, (JsonNode?)Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(d.Value))))),
    });

    /// <summary>Where images are sent, and the token for a claim's.</summary>
    public (string Url, string Token) Upload(string claim) => (
        _controllers[0].Url,
        _controllers[0].UploadTokens.Issue(new ClaimKey(Namespace, claim), (string)Server.Get("", "persistentvolumeclaims", Namespace, claim)!["metadata"]!["uid"]!));

    public string? Annotation(string claim, string name) => (string?)Server.Get("", "persistentvolumeclaims", Namespace, claim)?["metadata"]?["annotations"]?[name];

    public string? Phase(string claim) => Annotation(claim, ImportAnnotations.Phase);

    public string Message(string claim) => Annotation(claim, ImportAnnotations.RunningMessage) ?? "";

    public IReadOnlyList<JsonObject> Pods => Server.All("", "pods", Namespace);

    public IReadOnlyList<string> Events => [.. Server.All("", "events", Namespace).Select(static e => $"{e["type"]} {e["reason"]}: {e["message"]}")];

    public Task UntilAsync(Func<bool> holds) => UntilAsync(holds, TimeSpan.FromSeconds(60));

    public Task UntilAsync(Func<bool> holds, TimeSpan patience) => UntilAsync(() => Task.FromResult(holds()), patience);

    public async Task UntilAsync(Func<Task<bool>> holds, TimeSpan? patience = null)
    {
        try
        {
            await Until.TrueAsync(holds, patience ?? TimeSpan.FromSeconds(60));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException(
                $"{string.Join('\n', Server.All("", "persistentvolumeclaims", Namespace).Concat(Pods).Select(static o => o.ToString()))}\n{string.Join('\n', Events)}", e);
        }
    }

    /// <summary>The import is done, its pod is gone, and the disk is this.</summary>
    public async Task FilledAsync(string claim, byte[] disk)
    {
        await UntilAsync(() => Phase(claim) == ImportState.Succeeded && Pods.Count == 0);
        (await File.ReadAllBytesAsync(Node.Disk(Namespace, claim))).AsSpan(0, disk.Length).SequenceEqual(disk).ShouldBeTrue();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var controller in _controllers)
        {
            await controller.DisposeAsync();
        }

        await Node.DisposeAsync();
        await Site.DisposeAsync();
        await Server.DisposeAsync();
    }
}
