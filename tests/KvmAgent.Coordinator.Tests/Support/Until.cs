using System.Runtime.CompilerServices;

namespace KvmAgent.Coordinator.Tests.Support;

/// <summary>Waits for what others do in their own time.</summary>
internal static class Until
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20), Limit = TimeSpan.FromSeconds(60);

    public static Task TrueAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        TrueAsync(() => Task.FromResult(condition()), what);

    public static async Task TrueAsync(Func<Task<bool>> condition, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(started) > Limit)
            {
                throw new TimeoutException($"not within {Limit}: {what}");
            }

            await Task.Delay(Step, TimeProvider.System);
        }
    }
}
