using System.Globalization;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.HostTests.Cluster;
using Xunit.Abstractions;

namespace KvmAgent.HostTests.Containers;

/// <summary>The coordinator's image does its work where it may write nothing and has no right.</summary>
public sealed class CoordinatorImageTests(ITestOutputHelper output) : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("kvmtest-coordinator-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [CoordinatorImageFact]
    public async Task It_serves_a_cluster()
    {
        await using var server = await ClusterServer.StartAsync();
        await KubeVirtServer.ApplyKindsAsync(server.Api);
        server.Api.CreateNamespace(TestCluster.SystemNamespace);
        var kubeconfig = Path.Combine(_directory, "kubeconfig");
        await File.WriteAllTextAsync(kubeconfig, server.Kubeconfig);
        await using var container = await CoordinatorContainer.StartAsync(
            [
                "--volume", $"{kubeconfig}:/etc/kubeconfig:ro", "--env", "KUBECONFIG=/etc/kubeconfig", "--env", $"POD_NAMESPACE={TestCluster.SystemNamespace}",
                "--env", "AGENT_IMAGE=registry.example/kvm-agent:1",
            ],
            "serve");

        await ItRuns(container);
    }

    [CoordinatorImageFact]
    public async Task It_runs_alone()
    {
        await using var container = await CoordinatorContainer.StartAsync(["--tmpfs", "/data:mode=1777", "--env", "DATA_DIR=/data/coordinator"], "alone");

        await ItRuns(container);
    }

    private async Task ItRuns(CoordinatorContainer container)
    {
        await container.IsWellAsync("/healthz");
        await container.IsWellAsync("/readyz");
        var status = await container.StatusAsync();
        status["Uid"].ShouldBe("65532\t65532\t65532\t65532");
        status["CapBnd"].ShouldBe("0000000000000000");
        (await container.StopAsync()).ShouldBe(0);

        var size = long.Parse(
            await AgentContainer.PodmanAsync("image", "inspect", "--format", "{{.Size}}", CoordinatorImageFactAttribute.Name!), CultureInfo.InvariantCulture);
        output.WriteLine($"{CoordinatorImageFactAttribute.Name} has {size / 1e6:F0} MB");
    }
}
