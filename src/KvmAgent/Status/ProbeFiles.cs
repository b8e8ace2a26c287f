using KvmAgent.Contracts;

namespace KvmAgent.Status;

/// <summary>
/// The kubelet's probes without a process of ours: <c>test RUN_DIR/ready -nt /proc/self</c> compares a file's mtime with now. The agent
/// keeps the mtime 60 s ahead while things are well, so an agent that hangs fails the probes a minute later at the latest.
/// </summary>
internal sealed class ProbeFiles : IDisposable
{
    private static readonly TimeSpan Ahead = TimeSpan.FromSeconds(60), Refresh = TimeSpan.FromSeconds(20);

    private readonly string _ready, _live;
    private readonly TimeProvider _time;
    private readonly StatusBoard _board;
    private readonly ITimer _timer;
    private readonly Lock _gate = new();
    private bool _ended;

    public ProbeFiles(string runDir, StatusBoard board, TimeProvider time)
    {
        _ready = Path.Combine(runDir, "ready");
        _live = Path.Combine(runDir, "live");
        (_board, _time) = (board, time);
        board.Changed += Update;
        _timer = time.CreateTimer(_ => Update(board.Current), null, TimeSpan.Zero, Refresh);
    }

    public void Dispose()
    {
        _board.Changed -= Update;
        _timer.Dispose();
        lock (_gate)
        {
            _ended = true;
            File.Delete(_ready);
            File.Delete(_live);
        }
    }

    private void Update(VmStatus status)
    {
        lock (_gate)
        {
            // A tick of the timer may come through after it was stopped.
            if (_ended)
            {
                return;
            }

            Keep(_live, status.Phase is not (VmPhase.Crashed or VmPhase.Failed));
            Keep(_ready, status.Ready);
        }
    }

    private void Keep(string path, bool well)
    {
        if (!well)
        {
            File.Delete(path);
            return;
        }

        using var file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.Write);
        File.SetLastWriteTimeUtc(file, (_time.GetUtcNow() + Ahead).UtcDateTime);
    }
}
