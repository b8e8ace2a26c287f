using System.Globalization;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;

namespace KvmAgent.Coordinator.Jobs;

/// <summary>A disk that is filled for a job.</summary>
/// <param name="Volume">Null: there is none yet, or none any more.</param>
/// <param name="IsFilled">Whether there is no volume any more, but its claim, filled.</param>
/// <param name="IsOurs">Whether it is what was made, or belongs to that.</param>
internal sealed record DiskView(string Name, DataVolume? Volume, bool IsFilled = false, bool IsOurs = true);

/// <summary>What has been made for a job, as it is now.</summary>
/// <param name="Objects">Those that are there and are not being deleted.</param>
internal sealed record JobView(IReadOnlyList<JobObject> Objects, IReadOnlyList<DiskView> Disks);

/// <summary>How far a job is, by what is seen of what was made for it: a pure function. Nothing is done for a job but to watch it.</summary>
internal static class JobDecision
{
    /// <summary>A job whose object nobody knows by then was broken off while that was being made.</summary>
    private static readonly TimeSpan Making = TimeSpan.FromMinutes(1);

    public static JobSummary Decide(JobSummary job, JobView view, DateTimeOffset now)
    {
        var missing = job.Objects.Where(o => !view.Objects.Any(there => there.Kind == o.Kind && there.Name == o.Name && (o.Uid is null || o.Uid == there.Uid))).ToList();
        if (missing is [var gone, ..])
        {
            return job.CancelledBy is { } who ? Cancelled(job, who, now)
                : gone.Uid is not null ? Failed(job, $"{gone.Kind} {gone.Namespace}/{gone.Name} has been deleted by somebody else", now)
                : now - job.CreatedAt > Making ? Failed(job, $"{gone.Kind} {gone.Namespace}/{gone.Name} has not been made: the coordinator ended, or got no answer, meanwhile; submit it again", now)
                : job;
        }

        job = job with { Objects = view.Objects };
        return view.Disks.FirstOrDefault(static d => !d.IsOurs) is { } foreign
                ? Failed(job, $"DataVolume {foreign.Name} is there already and is not this machine's; delete {job.Namespace}/{job.Name}, and take another name", now)
            : view.Disks.FirstOrDefault(static d => d.Volume?.Status?.Phase == DataVolumePhases.Failed) is { } failed
                ? Failed(job, $"disk {failed.Name}: {Words(failed)}; what was made is left as it is", now)
            : view.Disks.All(IsDone) ? Completed(job, view.Disks, now)
            : Open(job, view.Disks);
    }

    public static JobSummary Cancelled(JobSummary job, string who, DateTimeOffset now) => job with
    {
        Status = JobStates.Cancelled,
        CancelledBy = who,
        Message = $"cancelled by {who}; what was made is deleted",
        EndedAt = now,
    };

    public static JobSummary Failed(JobSummary job, string error, DateTimeOffset now) => job with { Status = JobStates.Failed, Error = error, Message = error, EndedAt = now };

    private static JobSummary Completed(JobSummary job, IReadOnlyList<DiskView> disks, DateTimeOffset now)
    {
        var late = disks.Where(static d => IsLate(d)).Select(static d => d.Name).ToList();
        var made = job.Kind == JobKinds.Clone ? $"machine {job.Namespace}/{job.Name} is there with its disks" : $"DataVolume {job.Namespace}/{job.Name} is there";
        return job with
        {
            Status = JobStates.Completed,
            Percent = 100,
            Message = late.Count == 0 ? made : $"{made}; the storage fills {string.Join(", ", late)} when a pod uses it first",
            EndedAt = now,
        };
    }

    private static JobSummary Open(JobSummary job, IReadOnlyList<DiskView> disks) => job with
    {
        Status = disks.Any(static d => IsDone(d) || d.Volume?.Status?.Phase is not (null or "" or DataVolumePhases.Pending)) ? JobStates.Running : JobStates.Pending,
        Percent = Math.Round(disks.Average(PercentOf), 1),
        Message = string.Join("; ", disks.Where(static d => !IsDone(d)).Select(static d => $"{d.Name}: {Words(d)}")),
    };

    private static bool IsDone(DiskView disk) => disk.IsFilled || disk.Volume?.Status?.Phase == DataVolumePhases.Succeeded || IsLate(disk);

    /// <summary>Nothing more comes of it before a machine starts.</summary>
    private static bool IsLate(DiskView disk) => disk.Volume?.Status?.Phase is DataVolumePhases.WaitForFirstConsumer or "PendingPopulation";

    private static double PercentOf(DiskView disk) => IsDone(disk) ? 100
        : double.TryParse(disk.Volume?.Status?.Progress?.TrimEnd('%'), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent) ? Math.Min(percent, 100)
        : 0;

    private static string Words(DiskView disk) =>
        disk.Volume?.Status is not { Phase: { Length: > 0 } phase } status ? "its DataVolume is being made"
        : Conditions.Find(status.Conditions, "Running")?.Message is { Length: > 0 } message ? $"{phase}: {message}"
        : phase;
}
