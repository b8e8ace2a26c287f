using System.Text.Json.Nodes;
using KvmAgent.HostTests.Support;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.HostTests.Cluster;

/// <summary>What pods of the test's node get from outside of it: claims' volumes, tokens, and the way to the coordinator.</summary>
internal sealed class NodeStorage(KubernetesClient client, string directory) : IAsyncDisposable
{
    private readonly List<Background> _relays = [];

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

    /// <summary>As whoever provides volumes says that one is there.</summary>
    public Task BindClaimAsync(string ns, string name) =>
        client.MergePatchAsync(CoreKinds.PersistentVolumeClaims, ns, name, new JsonObject { ["status"] = new JsonObject { ["phase"] = "Bound" } }, "status", CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        foreach (var relay in _relays)
        {
            await relay.DisposeAsync();
        }
    }

    private async Task<JsonNode> PostAsync(string path, JsonObject body) =>
        JsonNode.Parse(await client.SendRawAsync(HttpMethod.Post, path, body, CancellationToken.None))!;
}
