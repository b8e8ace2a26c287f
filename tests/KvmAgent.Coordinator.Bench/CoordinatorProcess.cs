using System.Diagnostics;
using System.Globalization;

namespace KvmAgent.Coordinator.Bench;

/// <summary>The coordinator as the program that is shipped, in a process of its own.</summary>
internal sealed class CoordinatorProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly int[] _ports;
    private readonly long _began;

    private CoordinatorProcess(Process process, int[] ports, long began) => (_process, _ports, _began) = (process, ports, began);

    public Uri Agents => new($"wss://127.0.0.1:{_ports[0]}");

    /// <summary>Where people find it.</summary>
    public Uri Management => new($"https://127.0.0.1:{_ports[3]}");

    /// <summary>Since the process was started.</summary>
    public TimeSpan Age => TimeProvider.System.GetElapsedTime(_began);

    public double ResidentMebibytes => double.Parse(
        File.ReadLines($"/proc/{_process.Id}/status").First(static l => l.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) / 1024;

    public TimeSpan Cpu
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public static async Task<CoordinatorProcess> StartAsync(string program, string kubeconfig)
    {
        var start = new ProcessStartInfo(program, ["serve"]) { RedirectStandardOutput = true };
        foreach (var (name, value) in new[]
        {
            ("KUBECONFIG", kubeconfig), ("POD_NAMESPACE", "kvm-system"), ("POD_NAME", "bench"), ("AGENT_IMAGE", "registry.example/kvm-agent:1"),
            ("AGENT_URL", "https://coordinator.bench:8443"), ("LISTEN_AGENTS", "127.0.0.1:0"), ("LISTEN_API", "127.0.0.1:0"), ("LISTEN_HEALTH", "127.0.0.1:0"),
            ("LISTEN_MANAGEMENT", "127.0.0.1:0"), ("LISTEN_UPLOADS", "127.0.0.1:0"),
            ("KVM_RESOURCE", "devices.kubevirt.io/kvm"),
            // As in its image.
            ("MALLOC_ARENA_MAX", "1"), ("DOTNET_EnableDiagnostics", "0"),
        })
        {
            start.Environment[name] = value;
        }

        var began = TimeProvider.System.GetTimestamp();
        var process = Process.Start(start)!;
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.Contains("listens at ", StringComparison.Ordinal))
            {
                var ports = line.Split("listens at ")[1].Split(" (")[0].Split(", ").Select(static e => int.Parse(e.Split(':')[1], CultureInfo.InvariantCulture)).ToArray();
                _ = DrainAsync(process);
                return new CoordinatorProcess(process, ports, began);
            }

            await Console.Error.WriteLineAsync(line);
        }

        throw new InvalidOperationException("the coordinator ended before it listened");
    }

    public async Task<bool> IsReadyAsync()
    {
        using var http = new HttpClient();
        using var answer = await http.GetAsync(new Uri($"http://127.0.0.1:{_ports[2]}/readyz"));
        return answer.IsSuccessStatusCode;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static async Task DrainAsync(Process process)
    {
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.Contains("WRN", StringComparison.Ordinal) || line.Contains("ERR", StringComparison.Ordinal))
            {
                await Console.Error.WriteLineAsync(line);
            }
        }
    }
}
