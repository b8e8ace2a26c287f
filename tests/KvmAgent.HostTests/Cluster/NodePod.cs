using System.Globalization;
using System.Text.Json.Nodes;
using KvmAgent.HostTests.Containers;
using KvmAgent.HostTests.Support;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.HostTests.Cluster;

/// <summary>
/// One pod on the test's node: its containers run by podman in a namespace that is the pod's network, with the rights and the volumes that
/// its manifest says, as the kubelet would.
/// </summary>
internal sealed class NodePod : IAsyncDisposable
{
    private const string ServiceAccountDefault = "default";

    private readonly PodVolumes _volumes;
    private readonly Pod _pod;

    private NodePod(Pod pod, PodNamespace network, PodVolumes volumes) => (_pod, Network, _volumes) = (pod, network, volumes);

    public PodNamespace Network { get; }

    public string Key => $"{_pod.Metadata.Namespace}/{_pod.Metadata.Name}";

    private string MainName => $"{Network.Pod.Name}-main";

    public static async Task<NodePod> CreateAsync(Pod pod, NodeStorage storage)
    {
        var network = await PodNamespace.CreateAsync(new PodOptions());
        try
        {
            await storage.ConnectAsync(network);
            return new NodePod(pod, network, await PodVolumes.CreateAsync(pod, Path.Combine(network.Directory, "volumes"), storage));
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a container to its end.</summary>
    public async Task<ContainerTerminated> RunToEndAsync(Container container)
    {
        var log = _volumes.TerminationLog(container.Name);
        var ended = await AgentContainer.TryPodmanAsync(["run", "--rm", "--name", $"{Network.Pod.Name}-{container.Name}", .. Arguments(container, log)]);
        return new ContainerTerminated { ExitCode = ended.ExitCode, Message = await PodVolumes.ReadAsync(log), Reason = ended.ExitCode == 0 ? "Completed" : "Error" };
    }

    public async Task StartAsync(Container container) =>
        await AgentContainer.PodmanAsync(["run", "--detach", "--name", MainName, .. Arguments(container, _volumes.TerminationLog(container.Name))]);

    public async Task<bool> IsReadyAsync(Container container) =>
        container.ReadinessProbe?["exec"]?["command"] is not JsonArray command
        || (await AgentContainer.TryPodmanAsync(["exec", MainName, .. command.Select(static c => (string)c!)])).ExitCode == 0;

    /// <returns>Null while it runs.</returns>
    public async Task<ContainerTerminated?> EndAsync(Container container)
    {
        var state = await AgentContainer.TryPodmanAsync("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", MainName);
        return state.ExitCode == 0 && state.Output.Trim().Split(' ') is ["exited", var code]
            ? new ContainerTerminated
            {
                ExitCode = int.Parse(code, CultureInfo.InvariantCulture),
                Message = await PodVolumes.ReadAsync(_volumes.TerminationLog(container.Name)),
                Reason = code == "0" ? "Completed" : "Error",
            }
            : null;
    }

    /// <summary>What it runs, as CRI-O tells it: a repository and the digest there.</summary>
    public static async Task<string> ImageIdAsync(Container container) =>
        (await AgentContainer.PodmanAsync("image", "inspect", "--format", "{{index .RepoDigests 0}}", container.Image!)).Trim();

    /// <summary>SIGTERM, and SIGKILL when the time is over.</summary>
    public Task StopAsync(long graceSeconds) =>
        AgentContainer.TryPodmanAsync("stop", "--time", graceSeconds.ToString(CultureInfo.InvariantCulture), MainName);

    public Task KillAsync() => AgentContainer.TryPodmanAsync("kill", "--signal", "KILL", MainName);

    public async Task<string> LogAsync()
    {
        var log = await AgentContainer.TryPodmanAsync("logs", MainName);
        return log.Output + log.Error;
    }

    public async ValueTask DisposeAsync()
    {
        await AgentContainer.TryPodmanAsync("rm", "--force", "--ignore", "--time", "0", MainName);
        await Network.DisposeAsync();
    }

    private List<string> Arguments(Container container, string terminationLog)
    {
        List<string> arguments =
        [
            "--runtime", "runc", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000",
            "--network", $"ns:/run/netns/{Network.Pod.Name}",
            "--volume", $"{terminationLog}:/dev/termination-log",
            .. Rights(container.SecurityContext),
        ];
        foreach (var variable in container.Env ?? [])
        {
            arguments.AddRange(["--env", $"{variable.Name}={variable.Value ?? Field(variable)}"]);
        }

        foreach (var mount in container.VolumeMounts ?? [])
        {
            arguments.AddRange(["--volume", $"{_volumes.PathOf(mount)}:{mount.MountPath}{(mount.ReadOnly == true ? ":ro" : "")}"]);
        }

        return [.. arguments, container.Image!, .. container.Args ?? []];
    }

    private static IEnumerable<string> Rights(JsonObject? context)
    {
        ((bool?)context?["privileged"]).ShouldNotBe(true);
        foreach (var dropped in context?["capabilities"]?["drop"] as JsonArray ?? [])
        {
            yield return "--cap-drop";
            yield return (string)dropped!;
        }

        foreach (var added in context?["capabilities"]?["add"] as JsonArray ?? [])
        {
            yield return "--cap-add";
            yield return (string)added!;
        }

        if ((bool?)context?["allowPrivilegeEscalation"] == false)
        {
            yield return "--security-opt";
            yield return "no-new-privileges";
        }
    }

    private string Field(EnvVar variable) => (string?)variable.ValueFrom?["fieldRef"]?["fieldPath"] switch
    {
        "metadata.name" => _pod.Metadata.Name!,
        "metadata.namespace" => _pod.Metadata.Namespace!,
        "metadata.uid" => _pod.Metadata.Uid!,
        var other => throw new NotSupportedException($"this node does not know the field {other} of variable {variable.Name}"),
    };

    /// <summary>Whose token a pod has.</summary>
    public static string ServiceAccount(Pod pod) =>
        pod.Spec?.Unknown?.TryGetValue("serviceAccountName", out var name) == true ? name.GetString()! : ServiceAccountDefault;
}
