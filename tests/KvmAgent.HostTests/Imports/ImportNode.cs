using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Processes;
using KvmAgent.TestSupport.Api;
using Until = KvmAgent.HostTests.Support.Until;

namespace KvmAgent.HostTests.Imports;

/// <summary>
/// Scheduler, provisioner and kubelet for importers' pods: each becomes a process of the real importer, with the environment that a
/// kubelet would give it, and a directory that stands for its file system. What fails is started again, as <c>OnFailure</c> says.
/// </summary>
internal sealed class ImportNode : IAsyncDisposable
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "kvm-agent.dll");
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20), Backoff = TimeSpan.FromMilliseconds(300);

    private readonly TestApiServer _server;
    private readonly string _directory = Directory.CreateTempSubdirectory("kvmtest-import-").FullName;
    private readonly CancellationTokenSource _end = new();
    private readonly HashSet<string> _known = [];
    private readonly List<Task> _pods = [];
    private readonly Task _watching;

    public ImportNode(TestApiServer server)
    {
        _server = server;
        _watching = Task.Run(WatchAsync);
    }

    /// <summary>How many processes were started.</summary>
    public int Started { get; private set; }

    /// <summary>The file of a claim's volume.</summary>
    public string Disk(string ns, string claim) => Path.Combine(Volume(ns, claim), "disk.img");

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _watching;
        await Task.WhenAll(_pods);
        _end.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private string Volume(string ns, string claim) => Directory.CreateDirectory(Path.Combine(_directory, "volumes", ns, claim)).FullName;

    private async Task WatchAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            foreach (var json in _server.All("", "pods"))
            {
                var pod = json.Deserialize(CoreKinds.Pods.Json)!;
                if (_known.Add(pod.Metadata.Uid!))
                {
                    _pods.Add(Task.Run(() => RunAsync(pod)));
                }
            }

            await Task.Delay(Look, TimeProvider.System, _end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task RunAsync(Pod pod)
    {
        var container = pod.Spec!.Containers!.Single();
        _server.Bind(pod.Metadata.Namespace!, pod.Metadata.Name!, "node-1");
        string? volume = null;
        if (pod.Spec.Volumes is [{ Source: { } source }, ..] && source.TryGetValue("persistentVolumeClaim", out var mounted))
        {
            var claim = mounted.GetProperty("claimName").GetString()!;
            _server.SetStatus("", "persistentvolumeclaims", pod.Metadata.Namespace!, claim, new JsonObject { ["phase"] = "Bound" });
            volume = Volume(pod.Metadata.Namespace!, claim);
        }

        var (restarts, last) = (0, (JsonObject?)null);
        while (!IsDeleted(pod))
        {
            var (environment, trouble) = Environment(pod, container);
            if (environment is null)
            {
                Report(pod, "Pending", new JsonObject { ["waiting"] = new JsonObject { ["reason"] = "CreateContainerConfigError", ["message"] = trouble } }, null, restarts);
                await WhileAsync(() => Environment(pod, container).Environment is null && !IsDeleted(pod));
                continue;
            }

            Report(pod, "Running", new JsonObject { ["running"] = new JsonObject() }, last, restarts);
            var end = await ProcessAsync(pod, container.Args!, volume, environment);
            if ((int)end["exitCode"]! == 0)
            {
                Report(pod, "Succeeded", new JsonObject { ["terminated"] = end }, null, restarts);
                await WhileAsync(() => !IsDeleted(pod));
                break;
            }

            last = new JsonObject { ["terminated"] = end };
            restarts++;
            Report(pod, "Running", new JsonObject { ["waiting"] = new JsonObject { ["reason"] = "CrashLoopBackOff" } }, last, restarts);
            var due = TimeProvider.System.GetTimestamp();
            await WhileAsync(() => TimeProvider.System.GetElapsedTime(due) < Backoff * restarts && !IsDeleted(pod));
        }

        if (Find(pod) is not null)
        {
            _server.Delete("", "pods", pod.Metadata.Namespace!, pod.Metadata.Name!, graceSeconds: 0);
        }
    }

    private async Task<JsonObject> ProcessAsync(Pod pod, IReadOnlyList<string> arguments, string? volume, Dictionary<string, string> environment)
    {
        var root = Path.Combine(_directory, $"{pod.Metadata.Uid}-{Started++}");
        var message = Path.Combine(root, "dev", "termination-log");
        Directory.CreateDirectory(Path.GetDirectoryName(message)!);
        await File.WriteAllTextAsync(message, "");
        if (volume is not null)
        {
            Directory.CreateSymbolicLink(Path.Combine(root, "data"), volume);
        }

        var start = new ProcessStartInfo("dotnet", [Program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        start.Environment["HOST_ROOT"] = root;
        // Of the node's own choice: test traffic stays on loopback.
        start.Environment["IMG_ALLOW_ADDRESS"] = "127.0.0.1";
        using var process = Children.Start(start);
        try
        {
            var said = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await WhileAsync(() => !process.HasExited && !IsDeleted(pod));
            if (!process.HasExited)
            {
                process.Kill();
            }

            await process.WaitForExitAsync();
            await said;
            return new JsonObject { ["exitCode"] = process.ExitCode, ["reason"] = process.ExitCode == 0 ? "Completed" : "Error", ["message"] = await File.ReadAllTextAsync(message) };
        }
        finally
        {
            Children.Collected(process);
        }
    }

    /// <returns>Null where a Secret is not as the pod wants it.</returns>
    private (Dictionary<string, string>? Environment, string? Trouble) Environment(Pod pod, Container container)
    {
        var environment = new Dictionary<string, string>();
        foreach (var variable in container.Env!)
        {
            if (variable.ValueFrom?["secretKeyRef"] is not { } reference)
            {
                environment[variable.Name] = variable.Value!;
                continue;
            }

            var (name, key) = ((string)reference["name"]!, (string)reference["key"]!);
            var secret = _server.Get("", "secrets", pod.Metadata.Namespace!, name);
            if (secret is null || secret["data"]?[key] is not { } data)
            {
                return (null, secret is null ? $"secret \"{name}\" not found" : $"couldn't find key {key} in Secret {pod.Metadata.Namespace}/{name}");
            }

            environment[variable.Name] = System.Text.Encoding.UTF8.GetString(Convert.FromBase64String((string)data!));
        }

        return (environment, null);
    }

    private void Report(Pod pod, string phase, JsonObject state, JsonObject? last, int restarts)
    {
        if (!IsDeleted(pod))
        {
            var status = new JsonObject { ["name"] = "importer", ["state"] = state, ["restartCount"] = restarts };
            if (last is not null)
            {
                status["lastState"] = last.DeepClone();
            }

            _server.SetStatus("", "pods", pod.Metadata.Namespace!, pod.Metadata.Name!, new JsonObject { ["phase"] = phase, ["containerStatuses"] = new JsonArray(status) });
        }
    }

    private bool IsDeleted(Pod pod) => _end.IsCancellationRequested || Find(pod) is not { } current || current["metadata"]!["deletionTimestamp"] is not null;

    private JsonObject? Find(Pod pod) =>
        _server.Get("", "pods", pod.Metadata.Namespace!, pod.Metadata.Name!) is { } current && (string?)current["metadata"]!["uid"] == pod.Metadata.Uid ? current : null;

    private static Task WhileAsync(Func<bool> holds) => Until.TrueAsync(() => Task.FromResult(!holds()), TimeSpan.FromMinutes(2));
}
