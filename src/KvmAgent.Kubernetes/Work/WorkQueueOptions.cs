namespace KvmAgent.Kubernetes;

/// <summary>client-go's defaults.</summary>
public sealed record WorkQueueOptions
{
    /// <summary>After a key's first failure; doubled with each.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromMilliseconds(5);

    public TimeSpan MostDelay { get; init; } = TimeSpan.FromSeconds(1000);

    /// <summary>So many tries again a second, of all keys together, once <see cref="Burst"/> is used up.</summary>
    public double RatePerSecond { get; init; } = 10;

    public int Burst { get; init; } = 100;
}
