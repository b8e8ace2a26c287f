using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Machines;

/// <summary>
/// An object's conditions, made anew at each look: those that are set keep the time of their last change where the status is as it was,
/// those of ours that are not set are gone, and those of others stay.
/// </summary>
internal sealed class Conditions(IReadOnlyList<Condition>? before, IReadOnlyCollection<string> ours, DateTimeOffset now)
{
    private readonly List<Condition> _all = [.. (before ?? []).Where(c => !ours.Contains(c.Type))];

    public IReadOnlyList<Condition> All => _all;

    public static Condition? Find(IReadOnlyList<Condition>? conditions, string type) => conditions?.FirstOrDefault(c => c.Type == type);

    public static bool IsTrue(IReadOnlyList<Condition>? conditions, string type) => Find(conditions, type)?.Status == Condition.True;

    public void Set(string type, bool status, string? reason = null, string? message = null) =>
        Set(type, status ? Condition.True : Condition.False, reason, message);

    public void Set(string type, string status, string? reason = null, string? message = null)
    {
        var old = Find(before, type);
        _all.Add(new Condition
        {
            Type = type,
            Status = status,
            Reason = reason,
            Message = message,
            LastTransitionTime = old?.Status == status && old.LastTransitionTime is { } since ? since : now,
        });
    }

    /// <summary>Takes over another object's condition, with its times.</summary>
    public void Mirror(Condition condition) => _all.Add(condition with { Unknown = null });
}
