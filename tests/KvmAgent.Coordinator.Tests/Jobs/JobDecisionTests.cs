using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Jobs;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Tests.Jobs;

public sealed class JobDecisionTests
{
    private static readonly DateTimeOffset Begun = DateTimeOffset.UnixEpoch, Later = Begun.AddMinutes(2);

    private static readonly JobObject Machine = new("VirtualMachine", "shop", "copy", "uid");

    private static readonly JobSummary Job = new()
    {
        Id = "1",
        Kind = JobKinds.Clone,
        Status = JobStates.Pending,
        Provider = "local",
        Namespace = "shop",
        Name = "copy",
        Message = "",
        Owner = "jane",
        CreatedAt = Begun,
        Objects = [Machine],
    };

    [Fact]
    public void It_tells_how_far_each_disk_is()
    {
        Decide(Disk("root", null)).ShouldBe(("pending", 0, "root: its DataVolume is being made"));
        Decide(Disk("root", "Pending", "N/A", "in use by pod web")).ShouldBe(("pending", 0, "root: Pending: in use by pod web"));
        Decide(Disk("root", "CloneInProgress", "40.5%"), Disk("data", "Succeeded", "100.0%"), Disk("more", "CloneScheduled", "N/A"))
            .ShouldBe(("running", 46.8, "root: CloneInProgress; more: CloneScheduled"));
        Decide(Disk("root", "Succeeded"), new DiskView("data", null, IsFilled: true)).ShouldBe(("completed", 100, "machine shop/copy is there with its disks"));
        Decide(Disk("root", "Succeeded"), Disk("data", "WaitForFirstConsumer", "N/A"))
            .ShouldBe(("completed", 100, "machine shop/copy is there with its disks; the storage fills data when a pod uses it first"));
        Decide().ShouldBe(("completed", 100, "machine shop/copy is there with its disks"));
    }

    [Fact]
    public void What_failed_says_why()
    {
        Failed(Job, Disk("root", "Failed", "12%", "no space"), Disk("data", "Succeeded")).ShouldBe("disk root: Failed: no space; what was made is left as it is");
        Failed(Job, Disk("root", "Succeeded") with { IsOurs = false }).ShouldStartWith("DataVolume root is there already and is not this machine's");
    }

    [Fact]
    public void What_somebody_deleted_fails_and_what_is_cancelled_is_cancelled()
    {
        var gone = new JobView([], []);
        JobDecision.Decide(Job, gone, Later).ShouldSatisfyAllConditions(
            static j => (j.Status, j.Error, j.EndedAt).ShouldBe(("failed", "VirtualMachine shop/copy has been deleted by somebody else", Later)));
        JobDecision.Decide(Job, new JobView([Machine with { Uid = "other" }], []), Later).Status.ShouldBe("failed");
        JobDecision.Decide(Job with { CancelledBy = "john" }, gone, Later).ShouldSatisfyAllConditions(static j => (j.Status, j.Message).ShouldBe(("cancelled", "cancelled by john; what was made is deleted")));
    }

    /// <summary>A coordinator may have ended between any two steps of its beginning.</summary>
    [Fact]
    public void What_was_made_and_not_written_down_is_found_or_missed()
    {
        var broken = Job with { Objects = [Machine with { Uid = null }] };
        JobDecision.Decide(broken, new JobView([], []), Begun.AddSeconds(30)).ShouldBe(broken);
        JobDecision.Decide(broken, new JobView([], []), Later).Error!.ShouldStartWith("VirtualMachine shop/copy has not been made");
        JobDecision.Decide(broken, new JobView([Machine], [Disk("root", null)]), Later).Objects.ShouldBe([Machine]);
    }

    private static (string, double, string) Decide(params DiskView[] disks)
    {
        var next = JobDecision.Decide(Job, new JobView([Machine], disks), Later);
        (next.EndedAt is null).ShouldBe(!JobStates.IsOver(next.Status));
        return (next.Status, next.Percent, next.Message);
    }

    private static string Failed(JobSummary job, params DiskView[] disks)
    {
        var next = JobDecision.Decide(job, new JobView([Machine], disks), Later);
        (next.Status, next.EndedAt).ShouldBe(("failed", Later));
        return next.Error!;
    }

    private static DiskView Disk(string name, string? phase, string? progress = null, string? message = null) => new(name, new DataVolume
    {
        Metadata = new ObjectMeta { Name = name },
        Status = phase is null ? null : new DataVolumeStatus
        {
            Phase = phase,
            Progress = progress,
            Conditions = message is null ? null : [new Condition { Type = "Running", Status = "False", Message = message }],
        },
    });
}
