using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.HostTests.Containers;
using KvmAgent.HostTests.Support;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.HostTests.Cluster;

/// <summary>A VM of charts/kvm-agent that has a coordinator is among its instances, and is driven there as any other.</summary>
public class ChartMachineTests
{
    /// <summary>How a viewer of SPICE begins, version 2.2: the main channel of a new session, of which it can nothing in particular.</summary>
    private const string SpiceHello = "REDQ\u0002\0\0\0\u0002\0\0\0\u0012\0\0\0" + "\0\0\0\0\u0001\0\0\0\0\0\0\0\0\0\u0012\0\0\0";

    [ContainerFact]
    public async Task A_chart_vm_appears_as_an_instance_shows_its_console_and_goes_with_its_pod()
    {
        await using var server = await ClusterServer.StartAsync();
        await using var cluster = await TestCluster.StartAsync(server.Kubeconfig);
        var api = FrontProxyClient.Of(server, cluster);
        await ChartMachine.InstallAsync(cluster);

        await cluster.InstanceIsAsync(ChartMachine.Name, static i => i is { Status.Phase: VmiPhases.Running } && Conditions.IsTrue(i.Status.Conditions, "Ready"));
        var pod = await cluster.Client.GetAsync(CoreKinds.Pods, TestCluster.Namespace, ChartMachine.Name, CancellationToken.None);
        var instance = (await cluster.InstanceAsync(ChartMachine.Name))!;
        instance.Metadata.Controller.ShouldNotBeNull().Uid.ShouldBe(pod.Metadata.Uid);
        instance.Status!.ActivePods!.Keys.ShouldBe([pod.Metadata.Uid!]);
        instance.Status.NodeName.ShouldBe(ClusterNode.Name);
        instance.Status.Interfaces![0].IpAddress.ShouldBe(PodNamespace.Address);
        instance.Status.CurrentCPUTopology!.Sockets.ShouldBe(2);
        instance.Status.Memory!.GuestCurrent.ShouldBe("256Mi");

        const string instances = $"namespaces/{TestCluster.Namespace}/virtualmachineinstances/{ChartMachine.Name}/";
        using (var console = await api.ConnectAsync(instances + "console"))
        {
            await console.CalculateAsync();
        }

        using (var screen = await api.ConnectAsync(instances + "vnc"))
        {
            await screen.ReadUntilAsync("RFB 003.008\n");
        }

        instance.Metadata.Annotation(MachineLabels.Display).ShouldBe("spice");
        using (var spice = await api.ConnectAsync(instances + "spice?session=a-viewer"))
        {
            await spice.TypeAsync(SpiceHello);
            await spice.ReadUntilAsync("REDQ");
            // Another channel of the same viewer; who is somebody else is not let in.
            using var channel = await api.ConnectAsync(instances + "spice?session=a-viewer&preserveSession=true");
            (await Should.ThrowAsync<InvalidOperationException>(() => api.ConnectAsync(instances + "spice?preserveSession=true"))).Message.ShouldContain("409");
        }

        using (var web = await api.ConnectAsync(instances + "portforward/80"))
        {
            await web.TypeAsync("GET / HTTP/1.0\r\n\r\n");
            await web.ReadUntilAsync("200 OK");
        }

        (await api.SendAsync(HttpMethod.Put, instances + "pause")).ShouldBe((200, ""));
        await cluster.InstanceIsAsync(ChartMachine.Name, static i => Conditions.IsTrue(i?.Status?.Conditions, "Paused"));
        (await api.SendAsync(HttpMethod.Put, instances + "unpause")).ShouldBe((200, ""));
        await cluster.InstanceIsAsync(ChartMachine.Name, static i => Conditions.IsTrue(i?.Status?.Conditions, "AgentConnected"));
        (await api.SendAsync(HttpMethod.Get, instances + "guestosinfo")).Body.ShouldContain("guestAgentVersion");
        (await api.SendAsync(HttpMethod.Put, instances + "softreboot")).ShouldBe((200, ""));

        await cluster.Client.DeleteAsync(CoreKinds.Pods, TestCluster.Namespace, ChartMachine.Name, new DeleteOptions(), CancellationToken.None);
        await cluster.InstanceIsAsync(ChartMachine.Name, static i => i is null);
    }
}
