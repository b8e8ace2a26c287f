using System.Net.WebSockets;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.HostTests.Containers;
using KvmAgent.HostTests.Guests;
using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Cluster;

/// <summary>A VirtualMachine of the kind that KubeVirt's users write becomes a guest that runs, and can be driven.</summary>
public class VirtualMachineTests
{
    [ContainerFact]
    public async Task A_machine_is_applied_runs_shows_its_console_and_stops()
    {
        await using var server = await ClusterServer.StartAsync();
        await using var cluster = await TestCluster.StartAsync(server.Kubeconfig);
        var api = FrontProxyClient.Of(server, cluster);
        await cluster.CreateGuestClaimAsync("web-disk");
        await cluster.Client.CreateAsync(Kinds.VirtualMachines, GuestMachine.Of("web", "web-disk"), CancellationToken.None);

        await cluster.PrintsAsync("web", "Running");
        var instance = await cluster.InstanceAsync("web");
        instance!.Status!.Interfaces![0].IpAddress.ShouldBe(PodNamespace.Address);
        instance.Status.NodeName.ShouldBe(ClusterNode.Name);

        using (var console = await api.ConnectAsync("namespaces/default/virtualmachineinstances/web/console"))
        {
            console.SubProtocol.ShouldBe("plain.kubevirt.io");
            await console.CalculateAsync();
        }

        await AnotherConsoleTakesOver(api);
        using (var web = await api.ConnectAsync("namespaces/default/virtualmachines/web/portforward/80"))
        {
            await web.TypeAsync("GET / HTTP/1.0\r\n\r\n");
            await web.ReadUntilAsync("200 OK");
        }

        const string instances = "namespaces/default/virtualmachineinstances/web/";
        (await api.SendAsync(HttpMethod.Put, instances + "pause")).ShouldBe((200, ""));
        await cluster.PrintsAsync("web", "Paused");
        (await api.SendAsync(HttpMethod.Put, instances + "pause")).Code.ShouldBe(409);
        (await api.SendAsync(HttpMethod.Put, instances + "unpause")).ShouldBe((200, ""));
        await cluster.PrintsAsync("web", "Running");
        await Until.TrueAsync(async () => Conditions.IsTrue((await cluster.InstanceAsync("web"))!.Status!.Conditions, "AgentConnected"), AgentProcess.Patience);
        (await api.SendAsync(HttpMethod.Get, instances + "guestosinfo")).Body.ShouldContain("guestAgentVersion");
        (await api.SendAsync(HttpMethod.Get, instances + "filesystemlist")).Body.ShouldSatisfyAllConditions(
            body => body.ShouldContain("VirtualMachineInstanceFileSystemList"), body => body.ShouldContain("\"mountPoint\":\"/data\""));
        (await api.SendAsync(HttpMethod.Get, instances + "userlist")).Body.ShouldContain("VirtualMachineInstanceGuestOSUserList");
        await FilesystemsFreezeAndThaw(api);
        await TheGuestReboots(api);
        (await api.SendAsync(HttpMethod.Get, instances + "vnc/screenshot")).Body.ShouldContain("PNG");
        (await api.SendAsync(HttpMethod.Put, instances + "reset")).ShouldBe((200, ""));

        (await api.SendAsync(HttpMethod.Put, "namespaces/default/virtualmachines/web/stop")).ShouldBe((202, ""));
        await cluster.PrintsAsync("web", "Stopped");
        (await cluster.InstanceAsync("web")).ShouldBeNull();
    }

    private static async Task FilesystemsFreezeAndThaw(FrontProxyClient api)
    {
        const string instance = "namespaces/default/virtualmachineinstances/web/";
        (await api.SendAsync(HttpMethod.Put, instance + "freeze", new JsonObject { ["unfreezeTimeout"] = "1m0s" })).ShouldBe((200, ""));
        await SaysAsync("frozen");
        (await api.SendAsync(HttpMethod.Put, instance + "freeze")).ShouldSatisfyAllConditions(
            again => again.Code.ShouldBe(409), again => again.Body.ShouldContain("frozen already"));
        (await api.SendAsync(HttpMethod.Put, instance + "unfreeze")).ShouldBe((200, ""));
        await SaysAsync("thawed");

        async Task SaysAsync(string status) =>
            (await api.SendAsync(HttpMethod.Get, instance + "guestosinfo")).Body.ShouldContain($"\"fsFreezeStatus\":\"{status}\"");
    }

    /// <summary>By itself, as its agent was asked: the pod and its QEMU stay.</summary>
    private static async Task TheGuestReboots(FrontProxyClient api)
    {
        const string instance = "namespaces/default/virtualmachineinstances/web/";
        using var console = await api.ConnectAsync(instance + "console");
        (await api.SendAsync(HttpMethod.Put, instance + "softreboot")).ShouldBe((200, ""));
        await console.ReadUntilAsync("test-guest: rebooting");
        await console.ReadUntilAsync("test-guest: ready");
    }

    private static async Task AnotherConsoleTakesOver(FrontProxyClient api)
    {
        const string console = "namespaces/default/virtualmachineinstances/web/console";
        using var first = await api.ConnectAsync(console);
        (await Should.ThrowAsync<InvalidOperationException>(() => api.ConnectAsync(console + "?preserveSession=true"))).Message.ShouldContain("409");
        using var second = await api.ConnectAsync(console);
        using var limit = new CancellationTokenSource(AgentProcess.Patience);
        var buffer = new byte[4096];
        while ((await first.ReceiveAsync(buffer.AsMemory(), limit.Token)).MessageType != WebSocketMessageType.Close)
        {
        }

        first.CloseStatusDescription.ShouldNotBeNull().ShouldContain("taken over");
        await second.TypeAsync("echo $((5*5))-still-there\n");
        await second.ReadUntilAsync("25-still-there");
    }
}
