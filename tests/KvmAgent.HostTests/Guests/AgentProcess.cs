using System.Diagnostics;
using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.HostTests.Support;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Guests;

/// <summary>
/// The real agent in a pod's namespace, as the container's entrypoint would run it. Its volumes are directories of the test's own;
/// whatever it says is kept for the message of a failing test.
/// </summary>
internal sealed class AgentProcess : IAsyncDisposable
{
    /// <summary>A guest under software emulation on a busy machine.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    public static readonly string Program = Path.Combine(AppContext.BaseDirectory, "kvm-agent.dll");

    private readonly Process _process;
    private readonly List<string> _lines = [];
    private readonly Lock _gate = new();
    private readonly Task _reading;
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private AgentProcess(PodNamespace pod, IReadOnlyDictionary<string, string> environment, Process process)
    {
        (Pod, Environment, _process) = (pod, environment, process);
        _reading = Task.WhenAll(ReadAsync(process.StandardOutput), ReadAsync(process.StandardError));
    }

    public PodNamespace Pod { get; }

    public IReadOnlyDictionary<string, string> Environment { get; }

    public int Pid => _process.Id;

    public bool HasExited => _process.HasExited;

    public string RunDir => Environment["RUN_DIR"];

    public string[] Lines
    {
        get
        {
            lock (_gate)
            {
                return [.. _lines];
            }
        }
    }

    /// <summary>Starts <c>kvm-agent run</c>; volumes lie below <paramref name="pod"/>'s directory unless the environment says otherwise.</summary>
    /// <param name="wrapper">A command that runs the agent with less than it should have.</param>
    public static AgentProcess Start(PodNamespace pod, IReadOnlyDictionary<string, string> environment, params string[] wrapper)
    {
        var all = Defaults(pod);
        foreach (var (name, value) in environment)
        {
            all[name] = value;
        }

        // As volumes are: QEMU's user passes through.
        File.SetUnixFileMode(pod.Directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        Directory.CreateDirectory(all["IMAGE_DIR"]);
        return new AgentProcess(pod, all, Children.Start(Info(pod, all, [.. wrapper, "dotnet", Program, "run"])));
    }

    /// <summary>Waits until the guest is up.</summary>
    public Task<string> UpAsync() => WaitForLineAsync(" is up");

    /// <summary>The first line with this text that has come or will come after line number <paramref name="from"/>.</summary>
    public async Task<string> WaitForLineAsync(string text, int from = 0, TimeSpan? patience = null)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            Task more;
            lock (_gate)
            {
                if (_lines.Skip(from).FirstOrDefault(l => l.Contains(text, StringComparison.Ordinal)) is { } found)
                {
                    return found;
                }

                more = _more.Task;
            }

            var left = (patience ?? Patience) - TimeProvider.System.GetElapsedTime(started);
            if (left <= TimeSpan.Zero || await Task.WhenAny(more, _reading, Task.Delay(left, TimeProvider.System)) != more)
            {
                if (Lines.Skip(from).FirstOrDefault(l => l.Contains(text, StringComparison.Ordinal)) is { } late)
                {
                    return late;
                }

                throw new TimeoutException($"no line with \"{text}\"; the agent said:\n{string.Join('\n', Lines)}");
            }
        }
    }

    /// <summary>Runs another command of the agent's beside it: <c>status --json</c>, <c>probe ready</c>.</summary>
    public Task<ProcessResult> CommandAsync(string[] command, string? input = null) =>
        Pod.Pod.TryRunAsync(["env", .. Environment.Select(v => $"{v.Key}={v.Value}"), "dotnet", Program, .. command], input);

    public async Task<VmStatus> StatusAsync()
    {
        var answer = await CommandAsync(["status", "--json"]);
        answer.ExitCode.ShouldBe(0, answer.Error);
        return JsonSerializer.Deserialize(answer.Output, ContractsJson.Default.VmStatus)!;
    }

    public void Terminate() => Children.Signal(Pid, Native.SigTerm);

    public void Kill() => Children.Signal(Pid, Native.SigKill);

    /// <returns>The exit code.</returns>
    public async Task<int> ExitAsync()
    {
        using var limit = new CancellationTokenSource(Patience);
        await _process.WaitForExitAsync(limit.Token);
        await _reading;
        return _process.ExitCode;
    }

    /// <summary>Ends the agent, and by its records what it leaves when it is killed.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        foreach (var record in Directory.Exists(RunDir) ? Directory.EnumerateFiles(RunDir, "*.pid") : [])
        {
            await ChildProcess.EndLeftoverAsync(record, TimeProvider.System, CancellationToken.None);
        }

        await ExitAsync();
        Children.Collected(_process);
        _process.Dispose();
    }

    private static Dictionary<string, string> Defaults(PodNamespace pod) => new()
    {
        ["IMAGE_DIR"] = Path.Combine(pod.Directory, "image"),
        ["VM_DIR"] = Path.Combine(pod.Directory, "vm"),
        ["RUN_DIR"] = Path.Combine(pod.Directory, "run"),
        ["VM_NAME"] = "web",
        ["VM_ACCEL"] = "tcg",
        ["VM_MEMORY"] = "256Mi",
    };

    private static ProcessStartInfo Info(PodNamespace pod, Dictionary<string, string> environment, string[] command)
    {
        var info = new ProcessStartInfo("ip", ["netns", "exec", pod.Pod.Name, .. command])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
        {
            info.Environment[name] = value;
        }

        return info;
    }

    private async Task ReadAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_gate)
            {
                _lines.Add(line);
                _more.TrySetResult();
                _more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }
}
