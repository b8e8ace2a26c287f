using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes.Core;
using static KvmAgent.HostTests.Cluster.RealServer;

namespace KvmAgent.HostTests.Cluster;

/// <summary>As <see cref="RealServerTests"/>, of a server with the controller of StatefulSets: a VM of charts/kvm-agent is driven by virtctl too.</summary>
[Collection(Name)]
public class RealServerChartTests
{
    [RealServerFact]
    public async Task Virtctl_drives_a_chart_vm_which_goes_with_its_set()
    {
        await using var cluster = await StartAsync();
        var manifest = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(manifest, await ChartMachine.ManifestAsync(cluster));
            await KubectlAsync(cluster, "apply", "-f", manifest);
            await cluster.InstanceIsAsync(ChartMachine.Name, static i => i is { Status.Phase: VmiPhases.Running } && Conditions.IsTrue(i.Status.Conditions, "Ready"));
            var pod = await cluster.Client.GetAsync(CoreKinds.Pods, TestCluster.Namespace, ChartMachine.Name, CancellationToken.None);
            pod.Metadata.Controller.ShouldNotBeNull().Kind.ShouldBe("StatefulSet");
            (await cluster.InstanceAsync(ChartMachine.Name))!.Metadata.Controller.ShouldNotBeNull().Uid.ShouldBe(pod.Metadata.Uid);
            (await KubectlAsync(cluster, "get", "vmi", ChartMachine.Name)).ShouldContain(ClusterNode.Name);

            await using (var console = Console(cluster, ChartMachine.Name))
            {
                // It may have said long ago that it is ready.
                await console.WaitForLineAsync("Successfully connected");
                await console.Input.WriteAsync("echo $((6*7))-is-the-answer\n");
                await console.Input.FlushAsync();
                await console.WaitForLineAsync("42-is-the-answer");
            }

            await using (var screen = Screen(cluster, ChartMachine.Name))
            {
                (await BannerAsync(screen)).ShouldBe("RFB 003.008\n");
            }

            (await VirtctlAsync(cluster, "pause", "vmi", ChartMachine.Name)).ShouldContain("scheduled to pause");
            await cluster.InstanceIsAsync(ChartMachine.Name, static i => Conditions.IsTrue(i?.Status?.Conditions, "Paused"));
            (await VirtctlAsync(cluster, "unpause", "vmi", ChartMachine.Name)).ShouldContain("scheduled to unpause");
            await cluster.InstanceIsAsync(ChartMachine.Name, static i => Conditions.IsTrue(i?.Status?.Conditions, "AgentConnected"));
            (await VirtctlAsync(cluster, "guestosinfo", ChartMachine.Name)).ShouldContain("guestAgentVersion");

            await KubectlAsync(cluster, "delete", "-f", manifest, "--timeout=60s");
            await cluster.InstanceIsAsync(ChartMachine.Name, static i => i is null);
        }
        finally
        {
            File.Delete(manifest);
        }
    }
}
