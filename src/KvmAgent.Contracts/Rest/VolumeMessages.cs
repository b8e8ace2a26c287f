namespace KvmAgent.Contracts.Rest;

/// <summary>A PersistentVolumeClaim with the DataVolume that fills it, or one of them.</summary>
public sealed record VolumeSummary
{
    /// <summary><c>namespace/name</c>.</summary>
    public required string Id { get; init; }

    /// <summary>The provider's name.</summary>
    public required string Provider { get; init; }

    public required string Namespace { get; init; }

    public required string Name { get; init; }

    /// <summary><c>DataVolume</c> where there is one, else <c>PersistentVolumeClaim</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>Of the DataVolume: <c>ImportInProgress</c>, <c>UploadReady</c>, <c>Succeeded</c>, <c>Failed</c> and so on; else the claim's: <c>Pending</c>, <c>Bound</c>, <c>Lost</c>.</summary>
    public required string Phase { get; init; }

    /// <summary>Of the filling, from 0 to 100; null where it is not known.</summary>
    public double? Percent { get; init; }

    /// <summary>Why it is not as it should be, or what it waits for, where something says so.</summary>
    public string? Message { get; init; }

    /// <summary>What the volume has; before it is bound, what is asked for.</summary>
    public long? SizeBytes { get; init; }

    public string? StorageClass { get; init; }

    /// <summary><c>Block</c> or <c>Filesystem</c>.</summary>
    public string? VolumeMode { get; init; }

    public IReadOnlyList<string> AccessModes { get; init; } = [];

    /// <summary>What it is filled with, as a URL; null where that is nothing that has one.</summary>
    public string? Image { get; init; }

    /// <summary>Machines that name it: <c>namespace/name</c>.</summary>
    public IReadOnlyList<string> Machines { get; init; } = [];

    public DateTimeOffset? CreatedAt { get; init; }
}

/// <summary>How far a volume is that is being filled.</summary>
public static class VolumePhases
{
    public const string UploadReady = "UploadReady", Succeeded = "Succeeded", Failed = "Failed", Bound = "Bound", WaitForFirstConsumer = "WaitForFirstConsumer";
}

/// <param name="Volumes">By namespace and name.</param>
public sealed record VolumeList(IReadOnlyList<VolumeSummary> Volumes, int Total, DateTimeOffset Timestamp);
