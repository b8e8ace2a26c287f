namespace KvmAgent.Images.Store;

/// <summary>Every span, of time and of bytes, that the store lives by, in one place so that tests can shorten them.</summary>
internal sealed record StoreTimings
{
    /// <summary>How often the holder of a claim shows that it is alive.</summary>
    public TimeSpan Beat { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>After how long without a beat, on the waiting one's own clock, a claim is taken over.</summary>
    public TimeSpan StaleAfter { get; init; } = TimeSpan.FromSeconds(20);

    public TimeSpan FirstLook { get; init; } = TimeSpan.FromMilliseconds(250);

    public TimeSpan LongestLook { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a server may send nothing.</summary>
    public TimeSpan Stall { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a source that has given nothing yet may refuse connections: a typing error is seen soon.</summary>
    public TimeSpan FirstContact { get; init; } = TimeSpan.FromSeconds(8);

    public int Tries { get; init; } = 8;

    public TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(500);

    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(15);

    public TimeSpan Report { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How many bytes a kill costs at the most, beyond what was on its way.</summary>
    public long JournalEvery { get; init; } = 64 << 20;
}
