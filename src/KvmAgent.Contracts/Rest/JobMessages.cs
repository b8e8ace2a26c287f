namespace KvmAgent.Contracts.Rest;

/// <summary>What a job is doing, in HyperSDK's words.</summary>
public static class JobStates
{
    public const string Pending = "pending", Running = "running", Completed = "completed", Failed = "failed", Cancelled = "cancelled";

    public static IReadOnlyList<string> All { get; } = [Pending, Running, Completed, Failed, Cancelled];

    /// <summary>Whether nothing comes of it any more.</summary>
    public static bool IsOver(string status) => status is Completed or Failed or Cancelled;
}

/// <summary>What jobs are for.</summary>
public static class JobKinds
{
    /// <summary>Another machine with copies of a machine's disks.</summary>
    public const string Clone = "clone";

    /// <summary>An image becomes a DataVolume.</summary>
    public const string Import = "import";

    /// <summary>A machine's disks are written out: not there yet.</summary>
    public const string Export = "export";
}

/// <summary>One that takes long, and how far it is.</summary>
public sealed record JobSummary
{
    public required string Id { get; init; }

    /// <summary>One of <see cref="JobKinds"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>One of <see cref="JobStates"/>.</summary>
    public required string Status { get; init; }

    /// <summary>The provider's name.</summary>
    public required string Provider { get; init; }

    /// <summary>Of what is made.</summary>
    public required string Namespace { get; init; }

    /// <summary>Of what is made.</summary>
    public required string Name { get; init; }

    /// <summary>Of what it is made: a machine's <c>namespace/name</c>, or an address.</summary>
    public string? Source { get; init; }

    /// <summary>From 0 to 100.</summary>
    public double Percent { get; init; }

    /// <summary>How far it is, for people.</summary>
    public required string Message { get; init; }

    /// <summary>Why it failed.</summary>
    public string? Error { get; init; }

    /// <summary>Whose it is.</summary>
    public required string Owner { get; init; }

    /// <summary>Who has asked to cancel it.</summary>
    public string? CancelledBy { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>What was made for it.</summary>
    public IReadOnlyList<JobObject> Objects { get; init; } = [];
}

/// <param name="Kind"><c>VirtualMachine</c> or <c>DataVolume</c>.</param>
/// <param name="Uid">Null: it is just being made.</param>
public sealed record JobObject(string Kind, string Namespace, string Name, string? Uid);

/// <summary>A job that is wanted; HyperSDK's own form is an export.</summary>
public record JobRequest
{
    /// <summary>One of <see cref="JobKinds"/>; with <see cref="VmPath"/> it need not be said.</summary>
    public string? Kind { get; init; }

    /// <summary>The provider's name; without it the coordinator's own cluster.</summary>
    public string? Provider { get; init; }

    /// <summary>Of what is made; without it the provider's.</summary>
    public string? Namespace { get; init; }

    /// <summary>Of what is made.</summary>
    public string? Name { get; init; }

    /// <summary>Of a clone: the machine's name, in the same namespace.</summary>
    public string? Source { get; init; }

    /// <summary>Of a clone: whether it is started when its disks are there.</summary>
    public bool Start { get; init; }

    /// <summary>Of an import: <c>https://</c>, <c>http://</c>, <c>s3://</c> or <c>docker://</c>.</summary>
    public string? Url { get; init; }

    /// <summary>Of an import: the disk's, such as <c>10Gi</c>; without it that of the image.</summary>
    public string? Size { get; init; }

    /// <summary>Of an import; without it the provider's, or the cluster's.</summary>
    public string? StorageClass { get; init; }

    /// <summary>Of an import: a Secret of the namespace with <c>accessKeyId</c> and <c>secretKey</c>.</summary>
    public string? Secret { get; init; }

    /// <summary>Of an import: a ConfigMap of the namespace with the server's authority.</summary>
    public string? CertConfigMap { get; init; }

    /// <summary>Of an import: <c>sha256:…</c> of the image.</summary>
    public string? Checksum { get; init; }

    /// <summary>Of an export, in HyperSDK's words: <c>namespace/name</c>.</summary>
    public string? VmPath { get; init; }

    /// <summary>Of an export, in HyperSDK's words.</summary>
    public string? OutputDir { get; init; }

    /// <summary>Of an export, in HyperSDK's words: <c>namespace</c>.</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

}

/// <summary>One job, or several of them.</summary>
public sealed record JobSubmitRequest : JobRequest
{
    /// <summary>Several; then nothing else is said.</summary>
    public IReadOnlyList<JobRequest>? Jobs { get; init; }
}

/// <param name="JobIds">Of those that were accepted, in their order.</param>
/// <param name="Errors">Why the others were not, in their order; null where there are none.</param>
public sealed record JobSubmitAnswer(IReadOnlyList<string> JobIds, int Accepted, int Rejected, IReadOnlyList<string>? Errors, DateTimeOffset Timestamp) : IOutcome
{
    string IOutcome.Outcome => $"{Accepted} accepted, {Rejected} rejected{string.Concat(JobIds.Select(static id => $" {id}"))}";
}

/// <summary>Which jobs are asked for; all of it may be left out.</summary>
public sealed record JobQueryRequest
{
    /// <summary>One of <see cref="JobStates"/>, or several by commas.</summary>
    public string? Status { get; init; }

    /// <summary>The provider's name.</summary>
    public string? Provider { get; init; }

    /// <summary>One of <see cref="JobKinds"/>.</summary>
    public string? Kind { get; init; }

    public IReadOnlyList<string>? Ids { get; init; }

    /// <summary>How many at most; from 1 to 1000, and 100 without it.</summary>
    public int? Limit { get; init; }
}

/// <param name="Jobs">The newest first.</param>
/// <param name="Total">How many there are that the caller may see.</param>
public sealed record JobList(IReadOnlyList<JobSummary> Jobs, int Total, DateTimeOffset Timestamp);

public sealed record JobDetails(JobSummary Job, DateTimeOffset Timestamp);

public sealed record JobCancelRequest(IReadOnlyList<string>? JobIds);

/// <param name="Cancelled">Ids.</param>
/// <param name="Failed">Ids of those that could not be.</param>
/// <param name="Errors">Why, by id; null where there are none.</param>
public sealed record JobCancelAnswer(IReadOnlyList<string> Cancelled, IReadOnlyList<string> Failed, IReadOnlyDictionary<string, string>? Errors, DateTimeOffset Timestamp) : IOutcome
{
    string IOutcome.Outcome => $"cancelled:{string.Concat(Cancelled.Select(static id => $" {id}"))}; failed:{string.Concat(Failed.Select(static id => $" {id}"))}";
}

/// <summary>How a machine is cloned.</summary>
public sealed record VmCloneRequest
{
    public string? Provider { get; init; }

    /// <summary>The new machine's name, in the same namespace.</summary>
    public string? Name { get; init; }

    /// <summary>Whether it is started when its disks are there.</summary>
    public bool Start { get; init; }
}

/// <summary>A clone that is under way.</summary>
/// <param name="Id"><c>namespace/name</c> of the new machine.</param>
/// <param name="JobId">Tells how far it is.</param>
/// <param name="Message">For people.</param>
public sealed record VmCloneAnswer(string Id, string JobId, string Message, DateTimeOffset Timestamp) : IOutcome
{
    string IOutcome.Outcome => Message;
}

/// <summary>An answer that has words for the audit log.</summary>
public interface IOutcome
{
    string Outcome { get; }
}
