using KvmAgent.Images;

namespace KvmAgent.Status;

/// <summary>
/// One percentage for work that has several phases, of which it is not known before which come; it never goes back, also not where a
/// server makes a fetch start over. 100 is for who knows that all is done.
/// </summary>
internal sealed class OverallPercent
{
    private FetchPhase? _phase;
    private int _base;
    private int _now;

    /// <summary>Where the work is now, up to 99.</summary>
    public int At(FetchProgress progress)
    {
        if (progress.Phase != _phase)
        {
            (_phase, _base) = (progress.Phase, _now);
        }

        var end = Math.Max(_base, End(progress.Phase));
        var part = progress.Total is > 0 and var total ? Math.Clamp((double)progress.Bytes / total, 0, 1) : 0;
        return _now = Math.Max(_now, (int)(_base + ((end - _base) * part)));
    }

    /// <summary>How far the whole is when a phase ends: behind a fetch may come the unpacking of what was spooled.</summary>
    private static int End(FetchPhase phase) => phase switch
    {
        FetchPhase.Hashing => 40,
        FetchPhase.Waiting or FetchPhase.Fetching => 95,
        _ => 99,
    };
}
