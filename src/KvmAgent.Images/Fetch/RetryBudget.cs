using KvmAgent.Images.Store;

namespace KvmAgent.Images.Fetch;

/// <summary>How often to try again, and when: pauses double, with jitter so that many pods do not come back at once.</summary>
internal sealed class RetryBudget(string shown, TimeProvider time, StoreTimings timings)
{
    private readonly long _start = time.GetTimestamp();
    private int _failures;
    private long _most;

    /// <summary>Asks until there is an answer; throws when there are no more tries.</summary>
    /// <param name="ask">Throws <see cref="PassingFault"/> for what may pass.</param>
    /// <param name="received">How far it has come, for progress gives new patience.</param>
    /// <param name="trouble">Told of what fails and is tried again.</param>
    /// <param name="ct">Ends the pauses.</param>
    public async Task<T> PersistAsync<T>(Func<Task<T>> ask, Func<long> received, Action<string>? trouble, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                return await ask().ConfigureAwait(false);
            }
            catch (PassingFault fault)
            {
                var pause = Next(fault, received());
                trouble?.Invoke($"{fault.Message}; trying again in {pause.TotalSeconds:0.0} s");
                await Task.Delay(pause, time, ct).ConfigureAwait(false);
            }
        }
    }

    /// <summary>The pause before the next try; throws when there is none.</summary>
    private TimeSpan Next(PassingFault fault, long received)
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
