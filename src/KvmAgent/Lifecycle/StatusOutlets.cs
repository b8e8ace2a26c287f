using KvmAgent.Contracts;
using KvmAgent.Link;
using KvmAgent.Settings;
using KvmAgent.Status;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Lifecycle;

/// <summary>Everywhere the status goes: journal, probe files, control socket, service manager, and one line when the guest is up.</summary>
internal sealed partial class StatusOutlets : IAsyncDisposable
{
    private readonly ILogger _log;
    private readonly StatusBoard _board;
    private readonly Journal _journal;
    private readonly ProbeFiles _probes;
    private readonly ControlSocket _control;
    private readonly NotifySocket? _notify;
    private bool _announced;

    public StatusOutlets(VmSettings settings, StatusBoard board, Journal journal, HoldGate hold, UsageReader usage, ILoggerFactory logs, TimeProvider time)
    {
        _log = logs.CreateLogger<StatusOutlets>();
        _board = board;
        _journal = journal;
        _probes = new ProbeFiles(settings.RunDir, board, time);
        _control = new ControlSocket(settings.RunDir, board, usage.ReadAsync, hold.Open, logs.CreateLogger<ControlSocket>());
        _notify = NotifySocket.Open(Environment.GetEnvironmentVariable("NOTIFY_SOCKET"));
        board.Changed += Take;
        Take(board.Current);
    }

    /// <summary>The journal goes on: the last transition comes when all is undone.</summary>
    public async ValueTask DisposeAsync()
    {
        _probes.Dispose();
        _notify?.Dispose();
        await _control.DisposeAsync().ConfigureAwait(false);
    }

    private void Take(VmStatus status)
    {
        try
        {
            _journal.Record(status);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogJournal(e.Message);
        }

        if (status.Phase == VmPhase.ShuttingDown)
        {
            _notify?.Stopping();
        }

        if (status.Ready && !_announced)
        {
            _announced = true;
            _notify?.Ready();
            Announce(status);
        }

        _announced &= status.Phase == VmPhase.Running;
    }

    private void Announce(VmStatus status)
    {
        var network = status.Network!;
        var address = network.PodIp ?? network.PodIp6;
        LogUp(
            status.Name,
            address!,
            network.GuestIp,
            status.Image is { } image ? $" from {image.Name}" : "",
            network.VncPort is { } port ? $"VNC at {address}:{port}" : "VNC is off");
    }

    [LoggerMessage(Level = LogLevel.Information,
        Message = "{Name} is up{Image}: reach it at {Address} (in the pod: {GuestIp}); screen: {Screen}; console: kvm-agent console")]
    private partial void LogUp(string name, string address, string guestIp, string image, string screen);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the journal cannot be written: {Error}")]
    private partial void LogJournal(string error);
}
