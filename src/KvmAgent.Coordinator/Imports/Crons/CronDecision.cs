using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Imports.Crons;

/// <summary>
/// What to do for a DataImportCron.
///
///     due ── a pod looks ──► revision on the cron ── none imported of it ──► a DataVolume ── Succeeded ──► the DataSource names it ──► the oldest go
///
/// A revision that was imported before is not imported again. What was imported stays named until the next is complete.
/// </summary>
internal static class CronDecision
{
    public const string Progressing = "Progressing", UpToDate = "UpToDate";

    private const int Kept = 3;
    private static readonly TimeSpan LongestWait = TimeSpan.FromHours(1);

    public static CronPlan Decide(CronView view)
    {
        var (cron, status) = (view.Cron, view.Cron.Status ?? new());
        if (cron.Metadata.DeletionTimestamp is not null || cron.Spec is null)
        {
            return new(status, [], null, []);
        }

        var (schedule, unscheduled) = cron.Spec.Schedule.Trim().Length == 0 ? (null, null) : Schedule.Parse(cron.Spec.Schedule);
        var (request, invalid) = CronImports.Request(cron);
        var steps = new List<CronStep>();
        if (invalid is not null)
        {
            return Plan(view, status, steps, null, ("Invalid", invalid));
        }

        var poll = unscheduled is null ? CronPoll.Of(view, request!, schedule) : null;
        if (poll?.Step is { } step)
        {
            steps.Add(step);
        }

        if (poll?.IsOver == true)
        {
            // In whole seconds, as the API has it.
            status = status with { LastExecutionTimestamp = DateTimeOffset.FromUnixTimeSeconds(view.Now.ToUnixTimeSeconds()) };
        }

        // Of another image than that of now, nothing is imported.
        var digest = cron.Metadata.Annotation(ImportAnnotations.Request) == request!.Hash() ? cron.Metadata.Annotation(CronImports.Digest) : null;
        var (import, taken) = digest is null ? (null, null) : Import(view, digest, steps);
        status = Status(view, status, digest, import);
        var source = status.LastImportedPVC is { } claim ? Point(view, claim, steps) : null;
        Own(view, steps);
        if (import?.Status?.Phase == DataVolumePhases.Succeeded)
        {
            Collect(view, import, status.LastImportedPVC, steps);
        }

        var trouble = poll?.IsOver == true ? poll.Message : cron.Metadata.Annotation(CronImports.Trouble);
        (string Reason, string Message)? problem = unscheduled is not null ? ("InvalidSchedule", unscheduled)
            : taken is not null ? ("ImportNameTaken", taken)
            : trouble is not null ? ("PollFailed", trouble)
            : source is not null ? ("DataSourceTaken", source)
            : digest is null ? ("NoDigest", $"No source digest: {poll?.Message ?? "it is looked for"}")
            : null;
        return Plan(view, status, steps, import, problem) with { Again = poll?.Next is { } next ? Shorter(next - view.Now, LongestWait) : null };
    }

    /// <summary>Somebody does not let a write through.</summary>
    public static CronPlan Refused(CronView view, string reason, string message) => Plan(view, view.Cron.Status ?? new(), [], null, (reason, message));

    private static (DataVolume? Import, string? Taken) Import(CronView view, string digest, List<CronStep> steps)
    {
        var name = CronImports.VolumeName(view.Cron, digest);
        var there = view.Volumes.FirstOrDefault(v => v.Metadata.Name == name);
        if (there is null)
        {
            steps.Add(new CronStep.Import(CronImports.Volume(view.Cron, name, digest)));
            return (null, null);
        }

        return IsOurs(view, there.Metadata) ? (there, null) : (null, $"DataVolume {name} is there already and has no label {CronImports.Label}={view.Cron.Metadata.Name}; delete it");
    }

    private static bool IsOurs(CronView view, ObjectMeta meta) => meta.Label(CronImports.Label) == view.Cron.Metadata.Name;

    private static DataImportCronStatus Status(CronView view, DataImportCronStatus status, string? digest, DataVolume? import)
    {
        status = digest is null ? status : status with { CurrentImports = [new CronImport(CronImports.VolumeName(view.Cron, digest), digest)] };
        var claim = import?.Status?.Phase == DataVolumePhases.Succeeded ? new SourceObject { Namespace = import.Metadata.Namespace, Name = import.Metadata.Name! } : null;
        return claim is null || claim == status.LastImportedPVC ? status
            : status with { LastImportedPVC = claim, LastImportTimestamp = DateTimeOffset.FromUnixTimeSeconds(view.Now.ToUnixTimeSeconds()), SourceFormat = "pvc" };
    }

    /// <returns>Why the DataSource is left as it is.</returns>
    private static string? Point(CronView view, SourceObject claim, List<CronStep> steps)
    {
        if (view.Source is not { } source)
        {
            steps.Add(new CronStep.CreateSource(CronImports.Source(view.Cron, claim)));
            return null;
        }

        if (!IsOurs(view, source.Metadata))
        {
            return $"DataSource {source.Metadata.Name} has no label {CronImports.Label}={view.Cron.Metadata.Name}, so it is left as it is; give it the label, or delete it";
        }

        if (source.Spec?.Source != new DataSourceSource { Pvc = claim })
        {
            steps.Add(new CronStep.PointSource(source, claim));
        }

        return null;
    }

    /// <summary>As the retention has it now.</summary>
    private static void Own(CronView view, List<CronStep> steps)
    {
        foreach (var volume in view.Volumes.Where(v => IsOurs(view, v.Metadata)))
        {
            if (CronImports.Owners(view.Cron, volume.Metadata) is { } owners)
            {
                steps.Add(new CronStep.OwnVolume(volume, owners));
            }
        }

        if (view.Source is { } source && IsOurs(view, source.Metadata) && CronImports.Owners(view.Cron, source.Metadata) is { } of)
        {
            steps.Add(new CronStep.OwnSource(source, of));
        }
    }

    /// <summary>Not before the new one is complete, and never what is named. What was not complete when a newer one came is of no use.</summary>
    private static void Collect(CronView view, DataVolume current, SourceObject? named, List<CronStep> steps)
    {
        if (view.Cron.Spec!.GarbageCollect == "Never")
        {
            return;
        }

        var older = view.Volumes.Where(v => IsOurs(view, v.Metadata) && v.Metadata.Name != current.Metadata.Name && v.Metadata.Name != named?.Name && v.Metadata.DeletionTimestamp is null)
            .OrderByDescending(static v => v.Status?.Phase == DataVolumePhases.Succeeded)
            .ThenByDescending(static v => v.Metadata.CreationTimestamp)
            .ThenBy(static v => v.Metadata.Name, StringComparer.Ordinal)
            .ToList();
        var keep = Math.Max(0, (view.Cron.Spec.ImportsToKeep ?? Kept) - 1);
        steps.AddRange(older.Where((v, at) => at >= keep || v.Status?.Phase != DataVolumePhases.Succeeded).Select(static v => new CronStep.Delete(v)));
    }

    private static CronPlan Plan(CronView view, DataImportCronStatus status, List<CronStep> steps, DataVolume? import, (string Reason, string Message)? problem)
    {
        var phase = import?.Status?.Phase ?? (import is null ? null : DataVolumePhases.Pending);
        var why = Conditions.Find(import?.Status?.Conditions, "Running")?.Message;
        var (isProgressing, reason, message) = phase switch
        {
            null or DataVolumePhases.Succeeded => (false, "NoImport", "No current import"),
            DataVolumePhases.ImportScheduled => (false, "ImportScheduled", "Import is scheduled"),
            DataVolumePhases.ImportInProgress => (true, "ImportProgressing", "Import is progressing"),
            DataVolumePhases.Failed => (false, "ImportFailed", $"{why}; when that is put right, delete DataVolume {import!.Metadata.Name}, and it is imported again"),
            _ => (false, phase, $"Import DataVolume phase {phase}: {why}"),
        };
        var conditions = new Conditions(view.Cron.Status?.Conditions, [Progressing, UpToDate], view.Now);
        conditions.Set(Progressing, isProgressing, reason, message);
        var (state, told) = problem is { } p ? (p.Reason, p.Message)
            : phase == DataVolumePhases.Succeeded ? (UpToDate, "Latest import is up to date")
            : phase == DataVolumePhases.Failed ? ("ImportFailed", message)
            : status.LastImportedPVC is not null ? ("Outdated", "Source digest updated since last import")
            : ("ImportProgressing", "Import is progressing");
        conditions.Set(UpToDate, state == UpToDate, state, told);
        var before = Conditions.Find(view.Cron.Status?.Conditions, UpToDate);
        return new(status with { Conditions = conditions.All }, steps, null, problem is { Reason: not "NoDigest" } && before?.Message != told ? [new(Event.Warning, state, told)]
            : state == UpToDate && before?.Reason != UpToDate ? [new(Event.Normal, UpToDate, $"{status.LastImportedPVC?.Name} is the latest import")]
            : []);
    }

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
