using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.HostTests.Containers;

namespace KvmAgent.HostTests.Cluster;

/// <summary>A machine whose root disk is in a container image of a registry that wants to know who asks.</summary>
public class ContainerDiskTests
{
    [ContainerFact]
    public async Task The_disk_is_fetched_with_the_pull_secret_and_the_guest_runs_from_it()
    {
        await using var registry = await DiskRegistry.StartAsync();
        await using var server = await ClusterServer.StartAsync();
        await using var cluster = await TestCluster.StartAsync(server.Kubeconfig, registry.AgentImage);
        await registry.JoinAsync(cluster, "robot");
        await cluster.Client.CreateAsync(Kinds.VirtualMachines, GuestMachine.OfContainerDisk("web", DiskRegistry.Image, "robot"), CancellationToken.None);

        await cluster.PrintsAsync("web", "Running");
        using var console = await FrontProxyClient.Of(server, cluster).ConnectAsync("namespaces/default/virtualmachineinstances/web/console");
        await console.CalculateAsync();
    }

    [ContainerFact]
    public async Task A_wrong_password_is_told_on_the_machine()
    {
        await using var registry = await DiskRegistry.StartAsync();
        await using var server = await ClusterServer.StartAsync();
        await using var cluster = await TestCluster.StartAsync(server.Kubeconfig, registry.AgentImage);
        await registry.JoinAsync(cluster, "robot", password: "wrong");
        await cluster.Client.CreateAsync(Kinds.VirtualMachines, GuestMachine.OfContainerDisk("web", DiskRegistry.Image, "robot"), CancellationToken.None);

        await cluster.PrintsAsync("web", "CrashLoopBackOff");
        var failure = Conditions.Find((await cluster.MachineAsync("web")).Status!.Conditions, "Failure").ShouldNotBeNull();
        failure.Reason.ShouldBe("SourceUnavailable");
        failure.Message.ShouldNotBeNull().ShouldSatisfyAllConditions(
            m => m.ShouldContain(DiskRegistry.Image),
            m => m.ShouldContain("401 UNAUTHORIZED"),
            m => m.ShouldEndWith("(container fetch-root, exit code 69)"),
            m => m.ShouldNotContain("wrong"));
    }
}
