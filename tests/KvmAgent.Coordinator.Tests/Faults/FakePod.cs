using System.Globalization;
using System.Net.WebSockets;
using System.Text.Json.Nodes;
using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;

namespace KvmAgent.Coordinator.Tests.Faults;

/// <summary>One pod on the node, from its binding to its end.</summary>
internal sealed class FakePod
{
    private static readonly TimeSpan Redial = TimeSpan.FromMilliseconds(50), MostRedial = TimeSpan.FromSeconds(2);
    private static int _count;

    private readonly FakeNode _node;
    private readonly string _namespace, _name, _address;
    private readonly TaskCompletionSource _deleted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<int> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _gone;

    private FakePod(FakeNode node, JsonObject pod)
    {
        var metadata = pod["metadata"]!;
        (_node, _namespace, _name, Uid, Machine) = (node, (string)metadata["namespace"]!, (string)metadata["name"]!, (string)metadata["uid"]!, FakeNode.MachineOf(pod));
        var number = Interlocked.Increment(ref _count);
        _address = string.Create(CultureInfo.InvariantCulture, $"10.{(number >> 16) & 255}.{(number >> 8) & 255}.{number & 255}");
        var token = node.Server.AddServiceAccountToken(_namespace, "default", [FakeNode.Audience], (_name, Uid));
        Agent = new FakeAgent(new LinkPod(_name, _namespace, Uid), Machine, token);
    }

    public string Uid { get; }

    public string Machine { get; }

    public FakeAgent Agent { get; }

    public Task Running { get; private set; } = Task.CompletedTask;

    public static FakePod Start(FakeNode node, JsonObject pod)
    {
        var started = new FakePod(node, pod);
        node.Dress?.Invoke(started.Agent);
        started.Running = Task.Run(() => started.RunAsync());
        return started;
    }

    public void Delete() => _deleted.TrySetResult();

    /// <summary>The object is gone: by the node's own doing, or by somebody's force.</summary>
    public void Removed()
    {
        _gone = true;
        Delete();
    }

    /// <summary>The guest ends by itself; 0 is a poweroff.</summary>
    public void End(int exitCode) => _ended.TrySetResult(exitCode);

    private async Task RunAsync()
    {
        while (!_node.Schedules && !_deleted.Task.IsCompleted)
        {
            await Task.Delay(_node.Step, TimeProvider.System, _node.Ended);
        }

        if (!Write(() => _node.Server.Bind(_namespace, _name, FakeNode.Name)))
        {
            return;
        }

        _node.GuestStarts(Machine, Uid);
        using var links = CancellationTokenSource.CreateLinkedTokenSource(_node.Ended);
        var linking = LinkAsync(links.Token);
        try
        {
            var exit = await LiveAsync();
            await links.CancelAsync();
            _node.GuestEnds(Machine, Uid);
            Report(exit == 0 ? "Succeeded" : "Failed", ready: false, exit);
            await _deleted.Task.WaitAsync(_node.Ended);
            while (_node.Lost)
            {
                await Task.Delay(_node.Step, TimeProvider.System, _node.Ended);
            }

            Write(() => _node.Server.Delete("", "pods", _namespace, _name, graceSeconds: 0));
        }
        finally
        {
            await links.CancelAsync();
            await linking;
            _node.GuestEnds(Machine, Uid);
        }
    }

    /// <returns>The agent's exit code.</returns>
    private async Task<int> LiveAsync()
    {
        Report("Running", ready: false);
        await PauseAsync();
        Agent.Set(VmPhase.Starting);
        await PauseAsync();
        Agent.Set(VmPhase.Running);
        await PauseAsync();
        Agent.Set(VmPhase.Running, ready: true);
        Report("Running", ready: true);
        while (true)
        {
            if (await Task.WhenAny(_ended.Task, _deleted.Task).WaitAsync(_node.Ended) == _ended.Task)
            {
                return await _ended.Task;
            }

            if (!_node.Lost)
            {
                break;
            }

            await Task.Delay(_node.Step, TimeProvider.System, _node.Ended);
        }

        Agent.Set(VmPhase.ShuttingDown);
        if (!_gone)
        {
            await Task.Delay(_node.Shutdown, TimeProvider.System, _node.Ended);
        }

        return 0;
    }

    /// <summary>A deletion cuts the guest's start short.</summary>
    private Task<Task> PauseAsync() => Task.WhenAny(Task.Delay(_node.Step, TimeProvider.System, _node.Ended), _deleted.Task);

    private void Report(string phase, bool ready, int? exitCode = null)
    {
        var state = exitCode is { } code
            ? new JsonObject { ["terminated"] = new JsonObject { ["exitCode"] = code } }
            : new JsonObject { ["running"] = new JsonObject { ["startedAt"] = "2026-03-01T12:00:00Z" } };
        Write(() => _node.Server.SetStatus("", "pods", _namespace, _name, new JsonObject
        {
            ["phase"] = phase,
            ["podIP"] = _address,
            ["podIPs"] = new JsonArray(new JsonObject { ["ip"] = _address }),
            ["qosClass"] = "Burstable",
            ["conditions"] = new JsonArray(
                new JsonObject { ["type"] = "PodScheduled", ["status"] = "True" }, new JsonObject { ["type"] = "Ready", ["status"] = ready ? "True" : "False" }),
            ["containerStatuses"] = new JsonArray(new JsonObject { ["name"] = "compute", ["ready"] = ready, ["state"] = state }),
        }));
    }

    /// <returns>False where the object is another, or gone.</returns>
    private bool Write(Action write)
    {
        try
        {
            if ((string?)_node.Server.Get("", "pods", _namespace, _name)?["metadata"]?["uid"] == Uid)
            {
                write();
                return true;
            }
        }
        catch (Exception) when (_gone || (string?)_node.Server.Get("", "pods", _namespace, _name)?["metadata"]?["uid"] != Uid)
        {
            // Taken away meanwhile.
        }

        return false;
    }

    private async Task LinkAsync(CancellationToken cancel)
    {
        var links = new Dictionary<object, Task>();
        while (!cancel.IsCancellationRequested)
        {
            foreach (var (coordinator, link) in _node.Coordinators)
            {
                if (!links.TryGetValue(coordinator, out var running) || running.IsCompleted)
                {
                    links[coordinator] = Task.Run(() => LinkToAsync(coordinator, link, cancel), CancellationToken.None);
                }
            }

            await Task.Delay(_node.LookEvery, TimeProvider.System, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Task.WhenAll(links.Values);
    }

    private async Task LinkToAsync(object coordinator, LinkAgent link, CancellationToken cancel)
    {
        var pause = Redial;
        while (!cancel.IsCancellationRequested && _node.Coordinators.ContainsKey(coordinator))
        {
            try
            {
                if (_node.Linked)
                {
                    using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, _node.Cut);
                    await link(Agent, either.Token);
                    pause = Redial;
                }
            }
            catch (Exception e) when (e is WebSocketException or HttpRequestException or IOException or TimeoutException or JsonRpcException or OperationCanceledException)
            {
                pause = pause * 2 < MostRedial ? pause * 2 : MostRedial;
            }

            await Task.Delay(pause * (0.5 + Random.Shared.NextDouble()), TimeProvider.System, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
