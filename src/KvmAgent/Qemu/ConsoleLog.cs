namespace KvmAgent.Qemu;

/// <summary>
/// Puts the guest's console into the log, line by line. A guest that floods its console gets 200 lines a second (1000 at once),
/// and costs little more than counting its newlines; how many lines were left out is said in one line when it is over, and each
/// time a second's worth is let through again. A line without an end, such as a prompt, is written after a second of quiet.
/// </summary>
internal sealed class ConsoleLog : IDisposable
{
    private const int LinesPerSecond = 200, Burst = 1000;
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    private readonly Action<string> _write;
    private readonly TimeProvider _time;
    private readonly ConsoleLines _lines;
    private readonly ITimer _timer;
    private readonly Lock _gate = new();
    private double _allowance = Burst;
    private long _counted;
    private bool _dropping;
    private long _dropped;

    public ConsoleLog(Action<string> write, TimeProvider time)
    {
        _write = write;
        _time = time;
        _counted = time.GetTimestamp();
        _lines = new ConsoleLines(Line);
        _timer = time.CreateTimer(_ => Flush(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public void Feed(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            Allow();
            if (_dropping && bytes.LastIndexOf((byte)'\n') is >= 0 and var last)
            {
                _dropped += bytes.Count((byte)'\n');
                _lines.Reset();
                bytes = bytes[(last + 1)..];
            }

            _lines.Feed(bytes);
            if (_lines.HasPartial || _dropped > 0)
            {
                _timer.Change(Quiet, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>Writes what has been held back, as this machine prints no more.</summary>
    public void End()
    {
        lock (_gate)
        {
            Allow();
            _lines.EndLine();
            SayDropped();
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        End();
    }

    private void Flush()
    {
        lock (_gate)
        {
            Allow();
            _lines.Flush();
            SayDropped();
        }
    }

    private void Allow()
    {
        var now = _time.GetTimestamp();
        _allowance = Math.Min(_allowance + (LinesPerSecond * _time.GetElapsedTime(_counted, now).TotalSeconds), Burst);
        _counted = now;
        _dropping = _dropping && _allowance < LinesPerSecond;
    }

    private void Line(string text)
    {
        _dropping |= _allowance < 1;
        if (_dropping)
        {
            _dropped++;
            return;
        }

        SayDropped();
        _allowance--;
        _write(text);
    }

    private void SayDropped()
    {
        if (_dropped > 0)
        {
            _write($"[{_dropped} lines dropped: the console writes more than {LinesPerSecond} lines a second]");
            _dropped = 0;
        }
    }
}
