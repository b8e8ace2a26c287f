using System.Runtime.InteropServices;

namespace KvmAgent.Coordinator.Hosting;

/// <summary>
/// Hundreds of agents that dial at once (a coordinator is back) leave holes in both heaps that nothing fills again for days: 5 KiB a link of
/// OpenSSL's, and the collector has no reason to run. Once they are through, both are told to give that back, and so is the program itself.
/// </summary>
internal static partial class SpareMemory
{
    /// <summary>Handshakes: so many are worth a pause of some hundred milliseconds; with more than so few in a period the rush is not over.</summary>
    private const int Many = 400, Few = 100;

    private static readonly TimeSpan Period = TimeSpan.FromSeconds(15);

    private static int _handshakes;

    /// <summary>A connection has become secure.</summary>
    public static void Handshaken() => Interlocked.Increment(ref _handshakes);

    public static async Task RunAsync(TimeProvider time, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(Period, time);
        // The start itself is one, too.
        var (done, before) = (-Many, 0);
        try
        {
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false))
            {
                var now = Volatile.Read(ref _handshakes);
                if (now - done >= Many && now - before < Few)
                {
                    GiveBack();
                    done = now;
                }

                before = now;
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The coordinator ends.
        }
    }

    private static void GiveBack()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        try
        {
            _ = Trim(0);
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException)
        {
            // Not glibc.
        }

        ProgramPages.GiveBack();
    }

    [DllImport("libc", EntryPoint = "malloc_trim", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Trim(nint pad);
}
