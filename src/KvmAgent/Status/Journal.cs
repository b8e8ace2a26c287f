using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;

namespace KvmAgent.Status;

/// <summary>
/// The VM's transitions in RUN_DIR, one JSON object a line, for those who come later: people, and a coordinator that was away. Lines of
/// earlier lives of the agent stay; each life has an id of its own and counts the status's changes from 1. Over 1 MiB, the older half goes.
/// </summary>
internal sealed class Journal(string runDir, AgentStart start)
{
    private const int Longest = 1 << 20;

    private readonly string _path = PathIn(runDir);
    private readonly Lock _gate = new();
    private (long Sequence, VmStatus? Status) _latest;

    public AgentStart Start { get; } = start;

    /// <summary>The status as it was last recorded, and which change of it that is; null before the first.</summary>
    public (long Sequence, VmStatus? Status) Latest
    {
        get
        {
            lock (_gate)
            {
                return _latest;
            }
        }
    }

    /// <summary>The number of this life's last transition; 0 before the first.</summary>
    public long LastTransition { get; private set; }

    public static string PathIn(string runDir) => Path.Combine(runDir, "journal");

    public void Record(VmStatus status)
    {
        lock (_gate)
        {
            var last = _latest.Status;
            _latest = (_latest.Sequence + 1, status);
            if (status.Phase != last?.Phase || status.ExitCode != last.ExitCode)
            {
                LastTransition = _latest.Sequence;
                Append(status, _latest.Sequence);
            }
        }
    }

    /// <returns>The transitions behind that one, the oldest first: all that there are where it is not known.</returns>
    public IReadOnlyList<TransitionReport> After(JournalPosition? position)
    {
        string[] lines;
        lock (_gate)
        {
            lines = File.Exists(_path) ? File.ReadAllLines(_path) : [];
        }

        var all = lines.Select(JournalLine.TryRead).OfType<TransitionReport>().ToList();
        var known = all.FindLastIndex(t => t.Start.Id == position?.Start && t.Sequence <= position.Sequence);
        // Nothing of that life up to there is left, but perhaps something behind it.
        return all[(known + 1)..];
    }

    private void Append(VmStatus status, long sequence)
    {
        // Not FileMode.Append, which refuses to cut what was there before.
        using var file = new FileStream(_path, FileMode.OpenOrCreate, FileAccess.ReadWrite);
        if (file.Length > Longest)
        {
            DropOlderHalf(file);
        }

        file.Seek(0, SeekOrigin.End);
        file.Write(JournalLine.Of(Start, sequence, status));
    }

    private static void DropOlderHalf(FileStream file)
    {
        var kept = new byte[Longest / 2];
        file.Seek(-kept.Length, SeekOrigin.End);
        file.ReadExactly(kept);
        file.SetLength(0);
        file.Write(kept.AsSpan(kept.AsSpan().IndexOf((byte)'\n') + 1));
    }
}
