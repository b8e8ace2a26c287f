using System.Net.WebSockets;
using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;

namespace KvmAgent.Coordinator.Tests.Faults;

/// <summary>The agent of a pod without a guest: its status is what the node says, and it tells that over any number of links.</summary>
internal sealed class FakeAgent(LinkPod pod, string machine, string token)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>One for all: a handler for each of thousands of agents would be all that the test's process does.</summary>
    private static readonly HttpMessageInvoker Dialler = new(new SocketsHttpHandler
    {
        UseProxy = false,
#pragma warning disable CA5359 // What is proved here is who the agent is; whom the agent trusts is proved with the real one.
        SslOptions = new() { RemoteCertificateValidationCallback = static (_, _, _, _) => true },
#pragma warning restore CA5359
    });

    private readonly Lock _gate = new();

    /// <summary>Who has the console, and who the screen: each is asked to leave when another comes.</summary>
    private readonly Dictionary<string, CancellationTokenSource> _owners = [];

    private readonly AgentStart _start = new(Guid.NewGuid().ToString("N"), TimeProvider.System.GetUtcNow());
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private VmStatus _status = new(machine, pod.Namespace, VmPhase.Preparing, null, TimeProvider.System.GetUtcNow(), false, null, 0);
    private long _sequence = 1;
    private int _links;

    public LinkPod Pod => pod;

    public string Token { get; set; } = token;

    /// <summary>A timestamp: when the guest first ran; 0 before.</summary>
    public long RunningAt { get; private set; }

    /// <summary>What its guest uses; another object is told with the next heartbeat.</summary>
    public VmUsage Usage { get; set; } = new(1, 256 << 20, new NetworkUsage(1, 1, 1, 1), new BlockUsage(1, 1, 1, 1));

    /// <summary>Of an agent from before there was a method for it.</summary>
    public bool TellsUsage { get; set; } = true;

    /// <summary>Over how many links it speaks now.</summary>
    public int Links => Volatile.Read(ref _links);

    public LinkHello Hello => new(
        LinkProtocol.Version, "1.0.0", pod, machine, _start, [LinkMethods.Pause, LinkMethods.Unpause, LinkMethods.Shutdown, LinkMethods.OpenStream, .. TellsUsage ? [LinkMethods.Usage] : Array.Empty<string>()], [StreamKinds.Console, StreamKinds.Vnc]);

    public StatusReport Report
    {
        get
        {
            lock (_gate)
            {
                return new StatusReport(_start, _sequence, TimeProvider.System.GetUtcNow(), _status, Usage);
            }
        }
    }

    public void Set(VmPhase phase, bool ready = false)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            _status = _status with
            {
                Phase = phase,
                Ready = ready,
                Since = TimeProvider.System.GetUtcNow(),
                Machine = new VmMachineStatus("kvm", "/dev/kvm is there", 1, 256 << 20, "10.0", 7),
                Network = new VmNetworkStatus("10.0.0.1", null, "10.0.2.2", null, "52:54:00:12:34:56", 1500, ready, null),
            };
            _sequence++;
            RunningAt = RunningAt == 0 && phase == VmPhase.Running ? TimeProvider.System.GetTimestamp() : RunningAt;
            (changed, _changed) = (_changed, new(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        changed.TrySetResult();
    }

    /// <summary>Waits until the status is another than that of a report, or a heartbeat is due.</summary>
    public async Task NextAsync(StatusReport told, TimeSpan heartbeat, CancellationToken cancel)
    {
        Task changed;
        lock (_gate)
        {
            changed = told.Sequence == _sequence ? _changed.Task : Task.CompletedTask;
        }

        await changed.WaitAsync(heartbeat, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>One link over a real WebSocket, until either end ends it.</summary>
    /// <exception cref="WebSocketException">It is refused.</exception>
    public async Task LinkAsync(Uri coordinator, CancellationToken cancel)
    {
        using var socket = await DialAsync(new Uri(coordinator, LinkProtocol.LinkPath), cancel);
        using var peer = new JsonRpcPeer(socket, (method, parameters, _) => Task.FromResult(Answer(coordinator, method, parameters)), inOrder: true, TimeProvider.System);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var running = peer.RunAsync(end.Token);
        _ = running.ContinueWith(_ => end.Cancel(), TaskScheduler.Default);
        try
        {
            var welcome = await peer.CallAsync(LinkMethods.Hello, Hello, LinkJson.Default.LinkHello, LinkJson.Default.LinkWelcome, Limit, end.Token);
            Interlocked.Increment(ref _links);
            try
            {
                while (!end.IsCancellationRequested)
                {
                    var report = Report;
                    await peer.CallAsync(LinkMethods.Status, report, LinkJson.Default.StatusReport, LinkJson.Default.LinkAck, Limit, end.Token);
                    await NextAsync(report, TimeSpan.FromSeconds(welcome.HeartbeatSeconds), end.Token);
                }
            }
            finally
            {
                Interlocked.Decrement(ref _links);
            }
        }
        finally
        {
            await end.CancelAsync();
            await Task.WhenAny(running);
        }
    }

    private async Task<ClientWebSocket> DialAsync(Uri url, CancellationToken cancel)
    {
        var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol(LinkProtocol.SubProtocol);
        socket.Options.KeepAliveInterval = TimeSpan.Zero;
        socket.Options.CollectHttpResponseDetails = true;
        socket.Options.SetRequestHeader("Authorization", $"Bearer {Token}");
        try
        {
            await socket.ConnectAsync(url, Dialler, cancel);
            return socket;
        }
        catch (WebSocketException e)
        {
            using (socket)
            {
                throw new WebSocketException($"{(int)socket.HttpStatusCode} {socket.HttpResponseHeaders?.GetValueOrDefault("WWW-Authenticate")?.FirstOrDefault()}", e);
            }
        }
    }

    /// <summary>A stream whose end says what it is told, and that it is taken over when another is asked for.</summary>
    private async Task EchoAsync(Uri coordinator, OpenStreamRequest wanted, CancellationTokenSource owner)
    {
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            using var socket = await DialAsync(new Uri(coordinator, LinkProtocol.StreamPath + wanted.Id), limit.Token);
            using var lost = owner.Token.Register(() => _ = socket.CloseOutputAsync(LinkProtocol.TakenOver, null, limit.Token));
            var buffer = new byte[4096];
            while (await socket.ReceiveAsync(buffer.AsMemory(), limit.Token) is { MessageType: not WebSocketMessageType.Close } part)
            {
                await socket.SendAsync(buffer.AsMemory(0, part.Count), part.MessageType, part.EndOfMessage, limit.Token);
            }

            if (socket.State == WebSocketState.CloseReceived)
            {
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, limit.Token);
            }
        }
        finally
        {
            lock (_gate)
            {
                if (_owners.GetValueOrDefault(wanted.Kind) == owner)
                {
                    _owners.Remove(wanted.Kind);
                }
            }
        }
    }

    /// <exception cref="JsonRpcException">Another has it, and keeps it.</exception>
    private CancellationTokenSource Own(OpenStreamRequest wanted)
    {
        CancellationTokenSource? former;
        var owner = new CancellationTokenSource();
        lock (_gate)
        {
            if (_owners.TryGetValue(wanted.Kind, out former) && wanted.Preserve)
            {
                throw new JsonRpcException(LinkErrors.Busy, $"the {wanted.Kind} is in use; leave out preserveSession to take it over");
            }

            _owners[wanted.Kind] = owner;
        }

        former?.Cancel();
        return owner;
    }

    private JsonElement Answer(Uri coordinator, string method, JsonElement parameters)
    {
        switch (method)
        {
            case LinkMethods.Pause:
                Set(VmPhase.Paused);
                break;
            case LinkMethods.Unpause:
                Set(VmPhase.Running, ready: true);
                break;
            case LinkMethods.OpenStream:
                var wanted = parameters.Deserialize(LinkJson.Default.OpenStreamRequest)!;
                _ = EchoAsync(coordinator, wanted, Own(wanted));
                break;
            case LinkMethods.Usage when TellsUsage:
                return JsonSerializer.SerializeToElement(Usage, LinkJson.Default.VmUsage);
            default:
                throw new JsonRpcException(LinkErrors.MethodNotFound, $"this agent does not know {method}");
        }

        return JsonSerializer.SerializeToElement(LinkAck.Done, LinkJson.Default.LinkAck);
    }
}
