using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using KvmAgent.HostTests.Support;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.HostTests.Cluster;

/// <summary>What pods of the test's node get from outside of it: claims' volumes, tokens, and the way to the coordinator.</summary>
internal sealed class NodeStorage(KubernetesClient client, string directory) : IAsyncDisposable
{
    private static readonly ResourceKind<RawObject> Volumes = RawObjects.Kind("", "v1", "persistentvolumes", "PersistentVolume", namespaced: false);

    private readonly List<Background> _relays = [];
    private readonly ConcurrentBag<(string Namespace, string Claim, string Volume)> _made = [];

    /// <summary>Where the cluster's CSI driver, csi-driver-host-path, keeps its volumes; null: there is none.</summary>
    public static string? DriverState => Environment.GetEnvironmentVariable("KVM_TEST_CSI_STATE");

    public KubernetesClient Client => client;

    /// <summary>What pods reach at the client's address: Unix sockets of relays, by port. There is no other way out.</summary>
    public Dictionary<int, string> Reachable { get; } = [];

    /// <summary>The directory that is a claim's volume, whoever mounts it.</summary>
    public string Claim(string ns, string name) => Directory.CreateDirectory(Path.Combine(directory, "claims", ns, name)).FullName;

    /// <summary>Makes all of that reachable from a pod: beyond its node, at the client's address.</summary>
    public async Task ConnectAsync(PodNamespace network)
    {
        foreach (var (port, socket) in Reachable)
        {
            var relay = network.Node.Start(
                "socat", "-dd", $"TCP4-LISTEN:{port},bind={PodNamespace.Client},fork,reuseaddr", $"UNIX-CONNECT:{socket}");
            _relays.Add(relay);
            await relay.WaitForLineAsync("listening on");
        }
    }

    /// <summary>As the kubelet asks for it: bound to the pod.</summary>
    public async Task<string> TokenAsync(Pod pod, string audience, long seconds)
    {
        var answer = await PostAsync($"api/v1/namespaces/{pod.Metadata.Namespace}/serviceaccounts/{NodePod.ServiceAccount(pod)}/token", new JsonObject
        {
            ["apiVersion"] = "authentication.k8s.io/v1",
            ["kind"] = "TokenRequest",
            ["spec"] = new JsonObject
            {
                ["audiences"] = new JsonArray(audience),
                ["expirationSeconds"] = seconds,
                ["boundObjectRef"] = new JsonObject
                {
                    ["apiVersion"] = "v1",
                    ["kind"] = "Pod",
                    ["name"] = pod.Metadata.Name,
                    ["uid"] = pod.Metadata.Uid,
                },
            },
        });
        return (string)answer["status"]!["token"]!;
    }

    /// <summary>As the scheduler does it.</summary>
    public Task BindAsync(Pod pod, string node) => PostAsync($"api/v1/namespaces/{pod.Metadata.Namespace}/pods/{pod.Metadata.Name}/binding", new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Binding",
        ["metadata"] = new JsonObject { ["name"] = pod.Metadata.Name, ["uid"] = pod.Metadata.Uid },
        ["target"] = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Node", ["name"] = node },
    });

    /// <summary>What a pod has of a claim: its own directory, or, of a StorageClass, what the driver has made when a pod wanted it.</summary>
    public async Task<string> MountAsync(string ns, string name)
    {
        var claim = await client.GetAsync(CoreKinds.PersistentVolumeClaims, ns, name, CancellationToken.None);
        if (claim.Spec?.StorageClassName is null or "")
        {
            await BindClaimAsync(ns, name);
            return Claim(ns, name);
        }

        if (claim.Status?.Phase != PersistentVolumeClaim.Bound)
        {
            // As the scheduler asks for what waits for its first consumer.
            var asked = new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { ["volume.kubernetes.io/selected-node"] = ClusterNode.Name } } };
            await client.MergePatchAsync(CoreKinds.PersistentVolumeClaims, ns, name, asked, null, CancellationToken.None);
        }

        return await ProvidedAsync(ns, name);
    }

    /// <summary>What the CSI driver has made for a claim; it is waited for.</summary>
    public async Task<string> ProvidedAsync(string ns, string name)
    {
        await Until.TrueAsync(
            async () => (await client.GetAsync(CoreKinds.PersistentVolumeClaims, ns, name, CancellationToken.None)).Status?.Phase == PersistentVolumeClaim.Bound,
            TimeSpan.FromMinutes(1), $"claim {ns}/{name} is bound");
        var claim = await client.GetAsync(CoreKinds.PersistentVolumeClaims, ns, name, CancellationToken.None);
        var volume = await client.GetAsync(Volumes, null, claim.Spec!.VolumeName!, CancellationToken.None);
        return Path.Combine(DriverState.ShouldNotBeNull(), (string)volume.ToJson()["spec"]!["csi"]!["volumeHandle"]!);
    }

    /// <summary>As whoever provides volumes does it where nobody else does: with a volume that is there already, so that a cluster's own binder agrees.</summary>
    public async Task BindClaimAsync(string ns, string name)
    {
        var claim = await client.GetAsync(CoreKinds.PersistentVolumeClaims, ns, name, CancellationToken.None);
        if (claim.Status?.Phase == PersistentVolumeClaim.Bound)
        {
            return;
        }

        var size = claim.Spec!.Storage!.Value.Text;
        var volume = await client.EnsureAsync(Volumes, new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = $"{ns}-{name}-{claim.Metadata.Uid}" },
            ["spec"] = new JsonObject
            {
                ["capacity"] = new JsonObject { ["storage"] = size },
                ["accessModes"] = new JsonArray([.. claim.Spec.AccessModes!.Select(static m => (JsonNode)m)]),
                ["volumeMode"] = claim.Spec.VolumeMode ?? PersistentVolumeClaim.Filesystem,
                ["persistentVolumeReclaimPolicy"] = "Retain",
                ["hostPath"] = new JsonObject { ["path"] = Claim(ns, name) },
                ["claimRef"] = new JsonObject
                {
                    ["apiVersion"] = "v1",
                    ["kind"] = CoreKinds.PersistentVolumeClaims.Kind,
                    ["namespace"] = ns,
                    ["name"] = name,
                    ["uid"] = claim.Metadata.Uid,
                },
            },
        }.ToJsonString());
        _made.Add((ns, name, volume.Metadata.Name!));
        var bound = new JsonObject
        {
            ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { ["pv.kubernetes.io/bind-completed"] = "yes" } },
            ["spec"] = new JsonObject { ["volumeName"] = volume.Metadata.Name },
        };
        await client.MergePatchAsync(CoreKinds.PersistentVolumeClaims, ns, name, bound, null, CancellationToken.None);
        var status = new JsonObject { ["phase"] = PersistentVolumeClaim.Bound, ["capacity"] = new JsonObject { ["storage"] = size } };
        await client.MergePatchAsync(CoreKinds.PersistentVolumeClaims, ns, name, new JsonObject { ["status"] = status }, "status", CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var relay in _relays)
        {
            await relay.DisposeAsync();
        }

        // A cluster that is not the test's own stays, and the next one has claims of these names.
        foreach (var (ns, claim, volume) in _made)
        {
            await client.DeleteIfThereAsync(CoreKinds.PersistentVolumeClaims, ns, claim, null, CancellationToken.None);
            await client.DeleteIfThereAsync(Volumes, null, volume, null, CancellationToken.None);
        }
    }

    private async Task<JsonNode> PostAsync(string path, JsonObject body) =>
        JsonNode.Parse(await client.SendRawAsync(HttpMethod.Post, path, body, CancellationToken.None))!;
}
