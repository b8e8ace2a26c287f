using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.HostTests.Containers;
using KvmAgent.HostTests.Guests;
using KvmAgent.HostTests.Support;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Cluster;

/// <summary>A machine whose guest has written to its disk is cloned by kvmctl, and the other guest finds what was written.</summary>
public class MachineCloneTests
{
    private const string Wrote = "written-by-web-42";

    [ContainerFact]
    public async Task A_clone_boots_with_what_the_first_guest_wrote()
    {
        await using var server = await ClusterServer.StartAsync();
        await using var cluster = await TestCluster.StartAsync(server.Kubeconfig, importers: server.Api);
        server.Api.Aggregate("subresources.kubevirt.io", new IPEndPoint(IPAddress.Loopback, cluster.ApiPort), server.FrontProxyCertificate);
        using var kvmctl = new LoggedIn(server, cluster);
        var api = FrontProxyClient.Of(server, cluster);
        await cluster.CreateGuestClaimAsync("web-disk");
        await cluster.Client.CreateAsync(Kinds.VirtualMachines, GuestMachine.Of("web", "web-disk"), CancellationToken.None);
        await cluster.PrintsAsync("web", "Running");
        using (var console = await api.ConnectAsync("namespaces/default/virtualmachineinstances/web/console"))
        {
            await console.ReadUntilAsync("test-guest: ready");
            await console.TypeAsync("echo written-by-web-$((6*7)) >/data/mark && sync && echo kept-$((1+1))\n");
            await console.ReadUntilAsync("kept-2");
        }

        // Of a disk that a guest writes to there is no copy.
        var begun = JsonNode.Parse(await kvmctl.RunAsync("vm", "clone", "web", "copy", "--start", "-o", "json"))!;
        ((string)begun["message"]!).ShouldContain("default/web runs");
        var job = (string)begun["job_id"]!;
        await Until.TrueAsync(async () => (await kvmctl.RunAsync("job", "list", "-o", "wide")).Contains("in use by pod", StringComparison.Ordinal), AgentProcess.Patience);
        (await kvmctl.RunAsync("vm", "stop", "web", "--wait")).ShouldBe("default/web is stopped\n");

        var done = JsonNode.Parse(await kvmctl.RunAsync("job", "get", job, "--wait", "-o", "json"))!["job"]!;
        ((string?)done["status"], (double)done["percent"]!, (string?)done["message"]).ShouldBe(("completed", 100, "machine default/copy is there with its disks"));
        await cluster.PrintsAsync("copy", "Running");
        using (var console = await api.ConnectAsync("namespaces/default/virtualmachineinstances/copy/console"))
        {
            await console.ReadUntilAsync("test-guest: ready");
            await console.TypeAsync("cat /data/mark\n");
            await console.ReadUntilAsync(Wrote);
        }

        (await cluster.MachineAsync("web")).Status!.PrintableStatus.ShouldBe("Stopped");
    }

    /// <summary>kvmctl with a login of the test's own.</summary>
    private sealed class LoggedIn : IDisposable
    {
        private readonly string _directory = Directory.CreateTempSubdirectory("kvmtest-kvmctl-").FullName;

        public LoggedIn(ClusterServer server, TestCluster cluster)
        {
            var authority = (string)server.Api.Get("apiregistration.k8s.io", "apiservices", "", "v1.subresources.kubevirt.io")!["spec"]!["caBundle"]!;
            File.WriteAllText(Login, new JsonObject
            {
                ["server"] = cluster.Management.GetLeftPart(UriPartial.Authority),
                ["certificate_authority"] = Encoding.ASCII.GetString(Convert.FromBase64String(authority)),
                ["token"] = server.Api.Token,
            }.ToJsonString());
        }

        private string Login => Path.Combine(_directory, "kvmctl.json");

        public Task<string> RunAsync(params string[] arguments) => ProcessRunner.RunAsync(
            "env", [$"KVMCTL_CONFIG={Login}", "dotnet", Path.Combine(AppContext.BaseDirectory, "kvmctl.dll"), .. arguments], limit: AgentProcess.Patience);

        public void Dispose() => Directory.Delete(_directory, recursive: true);
    }
}
