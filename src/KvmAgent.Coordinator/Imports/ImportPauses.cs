using System.Collections.Concurrent;
using System.Globalization;

namespace KvmAgent.Coordinator.Imports;

/// <summary>
/// How long it is until an importer takes the place of one whose pod was lost. What the kubelet starts again in its pod has its backoff; a pod
/// that is evicted for what its import does to the node would be made again and again. Another leader begins with none.
/// </summary>
internal sealed class ImportPauses(TimeProvider time)
{
    /// <summary>As the kubelet's.</summary>
    private static readonly TimeSpan First = TimeSpan.FromSeconds(10), Most = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<ClaimKey, Pause> _pauses = [];

    /// <param name="Pod">UID of the one that was lost.</param>
    private sealed record Pause(string Pod, int Losses, string Reason, DateTimeOffset Until);

    /// <param name="pod">Its UID: each counts once, however often it is seen.</param>
    public void Lost(ClaimKey claim, string pod, string reason) => _pauses.AddOrUpdate(
        claim,
        _ => new Pause(pod, 1, reason, time.GetUtcNow() + First),
        (_, was) => was.Pod == pod ? was : new Pause(pod, was.Losses + 1, reason, time.GetUtcNow() + Length(was.Losses)));

    public void Forget(ClaimKey claim) => _pauses.TryRemove(claim, out _);

    /// <returns>The time that is left, and what to say meanwhile; null: it may begin.</returns>
    public (TimeSpan Left, string Message)? Of(ClaimKey claim) =>
        _pauses.TryGetValue(claim, out var pause) && pause.Until - time.GetUtcNow() is var left && left > TimeSpan.Zero
            ? (left, $"the importer's pod was lost ({pause.Reason}), {(pause.Losses == 1 ? "once" : $"{pause.Losses} times")} by now; another begins at {pause.Until.ToString("HH:mm:ss", CultureInfo.InvariantCulture)} UTC") : null;

    private static TimeSpan Length(int losses) => TimeSpan.FromSeconds(Math.Min(First.TotalSeconds * Math.Pow(2, losses), Most.TotalSeconds));
}
