using System.Diagnostics;
using System.Runtime.InteropServices;

namespace KvmAgent.Processes;

/// <summary>
/// All processes below the agent. The agent is PID 1 of its container, so what its children leave behind, and what
/// <c>kubectl exec</c> orphans, becomes its child and must be reaped here; the runtime reaps only the processes that it started.
/// Starting and reaping exclude each other: a new child's pid is known before the reaper may look at it.
/// </summary>
internal static class Children
{
    private const int NoSuchFile = 2;

    private static readonly Lock Gate = new();
    private static readonly HashSet<int> Started = [];

    /// <summary>Starts a process whose exit the runtime will collect.</summary>
    /// <exception cref="AgentException">The program is missing.</exception>
    public static Process Start(ProcessStartInfo info)
    {
        lock (Gate)
        {
            try
            {
                var process = Process.Start(info)!;
                Started.Add(process.Id);
                return process;
            }
            catch (System.ComponentModel.Win32Exception e)
            {
                throw Missing(info.FileName, e);
            }
        }
    }

    /// <summary>The full path of a program in PATH, for those that another program starts.</summary>
    /// <exception cref="AgentException">The program is missing.</exception>
    public static string Find(string program) => program.Contains('/', StringComparison.Ordinal)
        ? program
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(directory => Path.Combine(directory, program))
            .FirstOrDefault(File.Exists) ?? throw Missing(program, new System.ComponentModel.Win32Exception(NoSuchFile));

    /// <summary>Says that the exit of a process from <see cref="Start"/> has been collected, so that its pid may come again.</summary>
    public static void Collected(Process process)
    {
        lock (Gate)
        {
            Started.Remove(process.Id);
        }
    }

    /// <summary>Becomes the parent of all orphans below this process and reaps them as they end.</summary>
    public static IDisposable ReapOrphans()
    {
        _ = Native.Prctl(Native.SetChildSubreaper, 1, 0, 0, 0);
        return PosixSignalRegistration.Create(PosixSignal.SIGCHLD, _ => Reap());
    }

    /// <summary>Sends a signal, also to a process of another user: without CAP_KILL only a process of that user may, so one is started.</summary>
    /// <returns>False where the process is gone.</returns>
    public static bool Signal(int pid, int signal)
    {
        if (Native.Kill(pid, signal) == 0)
        {
            return true;
        }

        if (Marshal.GetLastPInvokeError() == Native.ErrnoPerm && Native.Stat($"/proc/{pid}") is { } owner)
        {
            string[] arguments = ["--reuid", $"{owner.Owner}", "--regid", $"{owner.Group}", "--clear-groups", "kill", $"-{signal}", $"{pid}"];
            using var kill = Start(new ProcessStartInfo("setpriv", arguments));
            kill.WaitForExit();
            Collected(kill);
            return kill.ExitCode == 0;
        }

        return false;
    }

    private static AgentException Missing(string program, System.ComponentModel.Win32Exception e) => new(
        FailureReason.Missing, $"cannot start {program}: {e.Message}; install the package that has it, or use the agent's image", e);

    private static void Reap()
    {
        lock (Gate)
        {
            foreach (var pid in Zombies())
            {
                if (!Started.Contains(pid))
                {
                    _ = Native.WaitPid(pid, out _, Native.WaitNoHang);
                }
            }
        }
    }

    private static IEnumerable<int> Zombies()
    {
        var self = Environment.ProcessId;
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), out var pid)
                && ProcessStat.Read(pid) is { State: 'Z' } stat && stat.Parent == self)
            {
                yield return pid;
            }
        }
    }
}
