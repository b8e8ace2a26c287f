using System.Runtime.CompilerServices;

namespace KvmAgent.HostTests.Support;

/// <summary>Waits for what the kernel or another program does in its own time.</summary>
internal static class Until
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(50), Limit = TimeSpan.FromSeconds(20);

    /// <param name="condition">Asked again and again.</param>
    /// <param name="patience">How long at most; 20 s where it is not given.</param>
    /// <param name="what">For the error.</param>
    public static async Task TrueAsync(
        Func<Task<bool>> condition, TimeSpan? patience = null, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        var limit = patience ?? Limit;
        var started = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(started) > limit)
            {
                throw new TimeoutException($"not within {limit}: {what}");
            }

            await Task.Delay(Step, TimeProvider.System);
        }
    }
}
