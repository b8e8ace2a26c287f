using KvmAgent.Images.Store;

namespace KvmAgent.Images.Fetch;

/// <summary>How often to try again, and when: pauses double, with jitter so that many pods do not come back at once.</summary>
internal sealed class RetryBudget(string shown, TimeProvider time, StoreTimings timings)
{
    private readonly long _start = time.GetTimestamp();
    private int _failures;
    private long _most;

    /// <summary>The pause before the next try; throws when there is none.</summary>
    public TimeSpan Next(PassingFault fault, long received)
    {
        // Only bytes beyond the farthest point count as progress: who starts over and over at zero gets nowhere.
        if (received > _most)
            _failures = 0;
        _most = Math.Max(_most, received);
        _failures++;

        var pause = timings.FirstPause * Math.Pow(2, Math.Min(_failures - 1, 20)) * (0.75 + Random.Shared.NextDouble() / 2);
        pause = fault.RetryAfter ?? pause;
        pause = pause < timings.LongestPause ? pause : timings.LongestPause;
        var isTypingError = _most == 0 && fault.IsContact && time.GetElapsedTime(_start) + pause > timings.FirstContact;
        if (_failures >= timings.Tries || isTypingError)
            throw new ImageException(ImageFailure.Unavailable,
                $"{shown} is not available: {fault.Message} (tried {_failures} times{(_most > 0 ? $", {_most} bytes had come" : "")})", fault);
        return pause;
    }
}
