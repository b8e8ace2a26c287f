using System.Net.Sockets;
using KvmAgent.Processes;
using KvmAgent.Qemu;
using KvmAgent.Status;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Lifecycle;

/// <summary>How one run of the guest ended.</summary>
/// <param name="PoweredOff">By the guest itself.</param>
/// <param name="Asked">By a command of ours.</param>
/// <param name="Panic">The guest's kernel panicked.</param>
internal sealed record QemuOutcome(ChildExit Exit, bool PoweredOff, bool Asked, bool Panic, string LastWords);

/// <summary>
/// One QEMU process from start to exit. It is started with the guest's CPUs stopped, which lets it overlap with the network's rules;
/// <see cref="ContinueAsync"/> lets the guest run. Events are read in order and become signals to the status board.
/// </summary>
internal sealed partial class QemuRun : IAsyncDisposable
{
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(30);

    private readonly ChildProcess _process;
    private readonly StatusBoard _board;
    private readonly ILogger _log;
    private readonly LastLines _said;
    private Task _events = Task.CompletedTask;
    private bool _poweredOff, _asked, _panic;

    private QemuRun(ChildProcess process, LastLines said, StatusBoard board, ILogger log) =>
        (_process, _said, _board, _log) = (process, said, board, log);

    /// <summary>The guest agent's channel was opened (true) or closed by the guest.</summary>
    public event Action<bool>? GuestAgentOpen;

    public QmpClient Qmp { get; private set; } = null!;

    public int Pid => _process.Pid;

    /// <summary>Completes when QEMU has ended and its events were read.</summary>
    public Task<QemuOutcome> Ended { get; private set; } = null!;

    /// <param name="record">Where its pid is recorded.</param>
    /// <param name="groups">Further groups of QEMU's user.</param>
    /// <param name="arguments">QEMU's.</param>
    /// <param name="board">Gets the signals.</param>
    /// <param name="log">Gets what QEMU says.</param>
    public static QemuRun Start(
        string record, IReadOnlyCollection<uint> groups, IReadOnlyList<string> arguments, StatusBoard board, ILogger log)
    {
        var said = new LastLines();
        var (program, all) = QemuUser.Command(groups, QemuArguments.Program, arguments);
        var process = ChildProcess.Start(record, program, all, line =>
        {
            said.Add(line);
            LogQemu(log, line);
        });
        var run = new QemuRun(process, said, board, log);
        run.Ended = run.WatchAsync();
        return run;
    }

    /// <exception cref="QemuStartException">QEMU ended before it could be talked to.</exception>
    public async Task ConnectAsync(string socket, TimeProvider time, CancellationToken cancel)
    {
        try
        {
            Qmp = await QmpClient.ConnectAsync(socket, ConnectLimit, _process.Exited, time, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or SocketException or TimeoutException)
        {
            Kill();
            var exit = await _process.Exited.ConfigureAwait(false);
            throw new QemuStartException(exit, _said.ToString());
        }

        _events = ReadEventsAsync();
    }

    public Task ContinueAsync(CancellationToken cancel) => Qmp.ContinueAsync(cancel);

    public void Kill() => _process.Signal(Native.SigKill);

    public async ValueTask DisposeAsync()
    {
        if (!_process.Exited.IsCompleted)
        {
            Kill();
        }

        await Ended.ConfigureAwait(false);
        if (Qmp is not null)
        {
            await Qmp.DisposeAsync().ConfigureAwait(false);
        }

        _process.Dispose();
    }

    private async Task<QemuOutcome> WatchAsync()
    {
        var exit = await _process.Exited.ConfigureAwait(false);
        await _events.ConfigureAwait(false);
        return new QemuOutcome(exit, _poweredOff, _asked, _panic, _said.ToString());
    }

    private async Task ReadEventsAsync()
    {
        try
        {
            await foreach (var happened in Qmp.Events.ReadAllAsync().ConfigureAwait(false))
            {
                Take(happened);
            }
        }
        catch (IOException e)
        {
            LogProtocol(_log, e.Message);
            Kill();
        }
    }

    /// <summary>The events of QEMU's qapi/run-state.json and qapi/char.json that mean something here.</summary>
    private void Take(QmpEvent happened)
    {
        switch (happened.Name)
        {
            case "RESUME":
                _board.Signal(VmSignal.GuestResumed);
                break;
            case "STOP":
                _board.Signal(VmSignal.GuestPaused);
                break;
            case "SHUTDOWN":
                _poweredOff |= happened.Flag("guest") == true;
                _asked |= happened.Text("reason") == "host-qmp-quit";
                break;
            case "GUEST_PANICKED":
                _panic = true;
                break;
            case "RESET" when happened.Flag("guest") == true:
                LogReboot(_log);
                break;
            case "VSERPORT_CHANGE" when happened.Flag("open") is { } open:
                GuestAgentOpen?.Invoke(open);
                break;
            case "BLOCK_IO_ERROR":
                LogDiskError(_log, happened.Text("device") ?? "", happened.Text("operation") ?? "", happened.Text("reason") ?? "");
                break;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "qemu: {Line}")]
    private static partial void LogQemu(ILogger log, string line);

    [LoggerMessage(Level = LogLevel.Error, Message = "QEMU broke the control protocol and is killed: {Error}")]
    private static partial void LogProtocol(ILogger log, string error);

    [LoggerMessage(Level = LogLevel.Information, Message = "the guest reboots")]
    private static partial void LogReboot(ILogger log);

    [LoggerMessage(Level = LogLevel.Error, Message = "disk {Device}: {Operation} failed: {Reason}")]
    private static partial void LogDiskError(ILogger log, string device, string operation, string reason);
}

/// <summary>QEMU ended before it could be talked to.</summary>
internal sealed class QemuStartException(ChildExit exit, string said) : Exception($"QEMU ended at its start ({exit}): {said}")
{
    public string Said { get; } = said;
}

/// <summary>The last few lines that a program said, for the error when it dies.</summary>
internal sealed class LastLines
{
    private const int Most = 5;

    private readonly Queue<string> _lines = [];

    public void Add(string line)
    {
        lock (_lines)
        {
            _lines.Enqueue(line);
            if (_lines.Count > Most)
            {
                _lines.Dequeue();
            }
        }
    }

    public override string ToString()
    {
        lock (_lines)
        {
            return _lines.Count == 0 ? "it said nothing" : string.Join(" / ", _lines);
        }
    }
}
