using System.Net;
using KvmAgent.Images.Store;

namespace KvmAgent.Images.Tests.Support;

/// <summary>Stores whose pauses are short, and whose limits a busy machine does not meet.</summary>
internal static class Quick
{
    public static readonly StoreTimings Timings = new()
    {
        Beat = TimeSpan.FromMilliseconds(100),
        FirstLook = TimeSpan.FromMilliseconds(10),
        LongestLook = TimeSpan.FromMilliseconds(50),
        FirstContact = TimeSpan.FromMilliseconds(300),
        FirstPause = TimeSpan.FromMilliseconds(5),
        LongestPause = TimeSpan.FromMilliseconds(50),
        Tries = 4,
    };

    /// <summary>May fetch from 127.0.0.1.</summary>
    public static readonly SourceAccess Loopback = new() { AllowAddresses = [IPNetwork.Parse("127.0.0.1/32")] };

    public static Task<BaseImage> EnsureAsync(BaseImageRequest request, IProgress<FetchProgress>? progress = null, StoreTimings? timings = null) =>
        new BaseImageStore(TimeProvider.System, timings ?? Timings).EnsureAsync(request, progress, CancellationToken.None);
}

/// <summary>Keeps every report, in order and on the reporting thread.</summary>
internal sealed class Reports(Action<FetchProgress>? also = null) : IProgress<FetchProgress>
{
    private readonly System.Collections.Concurrent.ConcurrentQueue<FetchProgress> _all = new();

    public IReadOnlyList<FetchProgress> All => [.. _all];

    public void Report(FetchProgress value)
    {
        _all.Enqueue(value);
        also?.Invoke(value);
    }
}
