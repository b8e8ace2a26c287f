using System.Runtime.CompilerServices;

namespace KvmAgent.HostTests.Support;

/// <summary>Waits for what the kernel or another program does in its own time.</summary>
internal static class Until
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(50), Limit = TimeSpan.FromSeconds(20);

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
