namespace KvmAgent.Kubernetes;

public sealed record LeaderElectionOptions
{
    public required string Namespace { get; init; }

    /// <summary>Of the lease: one for all candidates.</summary>
    public required string Name { get; init; }

    /// <summary>Of this candidate: no two may have the same.</summary>
    public required string Identity { get; init; }

    /// <summary>So long after the leader's last sign of life another may take over.</summary>
    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>A leader that could not renew for so long stops leading; less than <see cref="LeaseDuration"/>.</summary>
    public TimeSpan RenewDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Between two tries, of a candidate as of a leader.</summary>
    public TimeSpan RetryPeriod { get; init; } = TimeSpan.FromSeconds(2);
}
