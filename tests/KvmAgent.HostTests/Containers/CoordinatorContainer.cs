using System.Globalization;
using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Containers;

/// <summary>The coordinator's image, run as the chart has it run: nothing to write to, no capability, the image's user. It listens on loopback.</summary>
internal sealed class CoordinatorContainer : IAsyncDisposable
{
    private readonly string _name = $"kvmtest-coordinator-{Guid.NewGuid():N}";
    private readonly HttpClient _client = new();

    private CoordinatorContainer()
    {
    }

    /// <param name="options">Of podman, such as mounts.</param>
    /// <param name="verb">Of the program.</param>
    public static async Task<CoordinatorContainer> StartAsync(string[] options, string verb)
    {
        var container = new CoordinatorContainer();
        try
        {
            await AgentContainer.PodmanAsync(
                [
                    "run", "--detach", "--name", container._name, "--runtime", "runc", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000",
                    "--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "host",
                    "--env", "LISTEN_AGENTS=127.0.0.1:0", "--env", "LISTEN_API=127.0.0.1:0", "--env", "LISTEN_HEALTH=127.0.0.1:0", "--env", "LISTEN_MANAGEMENT=127.0.0.1:0", "--env", "LISTEN_UPLOADS=127.0.0.1:0",
                    .. options, CoordinatorImageFactAttribute.Name!, verb,
                ]);
            var health = await container.HealthAsync();
            container._client.BaseAddress = new Uri($"http://{health}");
            return container;
        }
        catch
        {
            await container.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until a path answers that all is well.</summary>
    public Task IsWellAsync(string path) => Until.TrueAsync(
        async () =>
        {
            using var answer = await _client.GetAsync(new Uri(path, UriKind.Relative));
            return answer.IsSuccessStatusCode && await answer.Content.ReadAsStringAsync() == "ok";
        },
        what: $"{path} says ok");

    /// <summary>/proc/1/status, as the container sees it.</summary>
    public async Task<IReadOnlyDictionary<string, string>> StatusAsync()
    {
        var pid = (await AgentContainer.PodmanAsync("inspect", "--format", "{{.State.Pid}}", _name)).Trim();
        return (await File.ReadAllLinesAsync($"/proc/{pid}/status")).Select(static l => l.Split(':', 2)).ToDictionary(static l => l[0], static l => l[1].Trim());
    }

    /// <summary>SIGTERM, and its exit code.</summary>
    public async Task<int> StopAsync()
    {
        await AgentContainer.PodmanAsync("stop", "--time", "20", _name);
        return int.Parse(await AgentContainer.PodmanAsync("inspect", "--format", "{{.State.ExitCode}}", _name), CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await AgentContainer.TryPodmanAsync("rm", "--force", "--ignore", "--time", "0", _name);
    }

    /// <summary>Where it says that its health is to be had.</summary>
    private async Task<string> HealthAsync()
    {
        const string says = "listens at ";
        var log = "";
        await Until.TrueAsync(
            async () =>
            {
                var logs = await AgentContainer.TryPodmanAsync("logs", _name);
                log = logs.Output + logs.Error;
                return log.Contains(says, StringComparison.Ordinal)
                    || ((await AgentContainer.PodmanAsync("inspect", "--format", "{{.State.Status}}", _name)).Trim() == "running" ? false
                        : throw new InvalidOperationException($"the coordinator ended; it said:\n{log}"));
            },
            what: "the coordinator listens");
        return log.Split(says)[1].Split(" (")[0].Split(", ")[2];
    }
}
