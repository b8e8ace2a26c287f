using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Imports.Clones;
using KvmAgent.Coordinator.Machines.Pods;
using KvmAgent.Coordinator.Tests.Support;
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
    private readonly Func<JsonObject, bool> _takes;
    private readonly Func<string, string, string> _volume;
    private readonly string _directory = Directory.CreateTempSubdirectory("kvmtest-import-").FullName;
    private readonly CancellationTokenSource _end = new();
    private readonly HashSet<string> _known = [];
    private readonly ConcurrentDictionary<string, bool> _left = [];
    private readonly List<Task> _pods = [];
    private readonly Task _watching;

    /// <param name="takes">Which pods are its own; null: all.</param>
    /// <param name="volume">The directory of a claim, by namespace and name; null: one of its own.</param>
    public ImportNode(TestApiServer server, Func<JsonObject, bool>? takes = null, Func<string, string, string>? volume = null)
    {
        (_server, _takes, _volume) = (server, takes ?? (static _ => true), volume ?? Volume);
        _watching = Task.Run(WatchAsync);
    }

    /// <summary>Where importers find the coordinator; null: where their pods say.</summary>
    public string? Coordinator { get; init; }

    /// <summary>A pod of this name is no importer's, and runs elsewhere.</summary>
    public void Leave(string name) => _left[name] = true;

    /// <summary>How many processes were started.</summary>
    public int Started { get; private set; }

    /// <summary>The file of a claim's volume.</summary>
    public string Disk(string ns, string claim) => Path.Combine(_volume(ns, claim), "disk.img");

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
            foreach (var json in _server.All("", "pods").Where(_takes))
            {
                var pod = json.Deserialize(CoreKinds.Pods.Json)!;
                if (!_left.ContainsKey(pod.Metadata.Name!) && _known.Add(pod.Metadata.Uid!))
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
            volume = _volume(pod.Metadata.Namespace!, claim);
        }

        var (restarts, last) = (0, (JsonObject?)null);
        while (!IsDeleted(pod))
        {
            if (pod.Metadata.Annotation(CloneKeys.Annotation) is not null && Key(pod) is null)
            {
                // A volume's Secret is waited for.
                await WhileAsync(() => Key(pod) is null && !IsDeleted(pod));
                continue;
            }

            var (environment, trouble) = Environment(pod, container);
            if (environment is null)
            {
                Report(pod, "Pending", new JsonObject { ["waiting"] = new JsonObject { ["reason"] = "CreateContainerConfigError", ["message"] = trouble } }, null, restarts);
                await WhileAsync(() => Environment(pod, container).Environment is null && !IsDeleted(pod));
                continue;
            }

            Report(pod, "Running", new JsonObject { ["running"] = new JsonObject() }, last, restarts);
            var ready = container.Ports is [var port] ? ListensAsync(pod, port.Port, last, restarts) : Task.CompletedTask;
            var end = await ProcessAsync(pod, volume, environment);
            await ready;
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

    private async Task<JsonObject> ProcessAsync(Pod pod, string? volume, Dictionary<string, string> environment)
    {
        var root = Path.Combine(_directory, $"{pod.Metadata.Uid}-{Started++}");
        var message = Path.Combine(root, "dev", "termination-log");
        Directory.CreateDirectory(Path.GetDirectoryName(message)!);
        await File.WriteAllTextAsync(message, "");
        if (volume is not null)
        {
            Directory.CreateSymbolicLink(Path.Combine(root, "data"), volume);
        }

        foreach (var (key, value) in Key(pod)?["data"]?.AsObject() ?? [])
        {
            await File.WriteAllBytesAsync(Path.Combine(Directory.CreateDirectory(Path.Combine(root, "clone-key")).FullName, key), Convert.FromBase64String((string)value!));
        }

        var container = pod.Spec!.Containers!.Single();
        var start = container.Command is [var program]
            ? new ProcessStartInfo(program, [$"--bind={Address(pod)}", .. container.Args!.Select(a => a.Replace("/data/", root + "/data/", StringComparison.Ordinal).Replace("/clone-key", root + "/clone-key", StringComparison.Ordinal))])
            : new ProcessStartInfo("dotnet", [Program, .. container.Args!]);
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        start.Environment["HOST_ROOT"] = root;
        if (pod.Metadata.Annotation(LinkVolume.Authority) is { } authority)
        {
            var token = Path.Combine(root, "token");
            await File.WriteAllTextAsync(token, _server.AddServiceAccountToken(pod.Metadata.Namespace!, "default", [RunningImports.Audience], (pod.Metadata.Name!, pod.Metadata.Uid!)));
            await File.WriteAllTextAsync(start.Environment["COORDINATOR_CA_FILE"] = Path.Combine(root, "ca.crt"), authority);
            start.Environment["COORDINATOR_TOKEN_FILE"] = token;
        }

        if (Coordinator is not null && start.Environment.ContainsKey("COORDINATOR_URL"))
        {
            start.Environment["COORDINATOR_URL"] = Coordinator;
        }

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
        foreach (var variable in container.Env ?? [])
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

    private void Report(Pod pod, string phase, JsonObject state, JsonObject? last, int restarts, bool ready = false)
    {
        if (!IsDeleted(pod))
        {
            var status = new JsonObject { ["name"] = pod.Spec!.Containers!.Single().Name, ["state"] = state, ["restartCount"] = restarts };
            if (last is not null)
            {
                status["lastState"] = last.DeepClone();
            }

            _server.SetStatus("", "pods", pod.Metadata.Namespace!, pod.Metadata.Name!, new JsonObject
            {
                ["phase"] = phase,
                ["podIP"] = Address(pod),
                ["conditions"] = new JsonArray(new JsonObject { ["type"] = "Ready", ["status"] = ready ? "True" : "False" }),
                ["containerStatuses"] = new JsonArray(status),
            });
        }
    }

    /// <summary>Its readiness probe: what it serves can be connected to.</summary>
    private async Task ListensAsync(Pod pod, int port, JsonObject? last, int restarts)
    {
        await WhileAsync(() => !IsDeleted(pod) && !Connects(Address(pod), port));
        Report(pod, "Running", new JsonObject { ["running"] = new JsonObject() }, last, restarts, ready: true);
    }

    private static bool Connects(string address, int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(IPAddress.Parse(address), port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Of the loopback network, and nobody else's.</summary>
    private static string Address(Pod pod) =>
        string.Join('.', SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(pod.Metadata.Uid!)).Take(3).Select(static b => (b % 254) + 1).Prepend(127));

    private JsonObject? Key(Pod pod) =>
        pod.Metadata.Annotation(CloneKeys.Annotation) is { } name ? _server.Get("", "secrets", pod.Metadata.Namespace!, name) : null;

    private bool IsDeleted(Pod pod) => _end.IsCancellationRequested || Find(pod) is not { } current || current["metadata"]!["deletionTimestamp"] is not null;

    private JsonObject? Find(Pod pod) =>
        _server.Get("", "pods", pod.Metadata.Namespace!, pod.Metadata.Name!) is { } current && (string?)current["metadata"]!["uid"] == pod.Metadata.Uid ? current : null;

    private static Task WhileAsync(Func<bool> holds) => Until.TrueAsync(() => Task.FromResult(!holds()), TimeSpan.FromMinutes(2));
}
