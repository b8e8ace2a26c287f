using System.Globalization;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using KvmAgent.HostTests.Guests;

namespace KvmAgent.HostTests.Cluster;

/// <summary>
/// Another cluster that runs KubeVirt is managed as one of ours is. KVM_TEST_KUBEVIRT_KUBECONFIG names an administrator's kubeconfig of one whose
/// machines start; its namespace default is used. The guest has nothing to boot: what is asked here is KubeVirt's API, and what it makes of us.
/// </summary>
public class RealKubeVirtTests
{
    [RealKubeVirtFact]
    public async Task A_machine_is_made_driven_cloned_and_deleted()
    {
        await using var kubeVirt = await RealKubeVirt.StartAsync();
        await using var machines = new Machines(kubeVirt);
        var web = await machines.CreateAsync("runStrategy: Halted");
        (await kubeVirt.KvmctlAsync("vm", "start", web, "--provider", RealKubeVirt.Name, "--wait")).ShouldBe($"default/{web} is running\n");
        await kubeVirt.ShowsAsync(web, static line => (string?)line?["node"] is not null && (long?)line["memory_bytes"] == 64 << 20, "on a node");
        (await kubeVirt.KvmctlAsync("vm", "events", web, "--provider", RealKubeVirt.Name)).ShouldContain($"VirtualMachineInstance/{web}");
        (await kubeVirt.KvmctlAsync("vm", "logs", web, "--provider", RealKubeVirt.Name)).ShouldNotBeEmpty();
        (await kubeVirt.KvmctlAsync("node", "list", "--provider", RealKubeVirt.Name)).ShouldContain((string)(await kubeVirt.LineAsync(web))!["node"]!);

        await kubeVirt.KvmctlAsync("vm", "pause", web, "--provider", RealKubeVirt.Name);
        await kubeVirt.IsAsync(web, "paused");
        (await kubeVirt.TryKvmctlAsync("vm", "pause", web, "--provider", RealKubeVirt.Name)).ExitCode.ShouldBe(75);
        await kubeVirt.KvmctlAsync("vm", "unpause", web, "--provider", RealKubeVirt.Name);
        await kubeVirt.IsAsync(web, "running");

        // As it has no input, it ends as soon as it has the console.
        await kubeVirt.KvmctlAsync("vm", "console", web, "--provider", RealKubeVirt.Name);
        (await BannerAsync(kubeVirt, web)).ShouldBe("RFB 003.008\n");
        using (var first = await kubeVirt.ScreenAsync(web, takeOver: true))
        {
            (await FirstAsync(first)).ShouldBe("RFB 003.008\n");
            using var second = await kubeVirt.ScreenAsync(web, takeOver: false);
            (await FirstAsync(second)).ShouldBe("4409 the screen is in use by another client");
            using var third = await kubeVirt.ScreenAsync(web, takeOver: true);
            (await FirstAsync(third)).ShouldBe("RFB 003.008\n");
        }

        var former = (string)(await kubeVirt.LineAsync(web))!["instance_uid"]!;
        (await kubeVirt.KvmctlAsync("vm", "restart", web, "--provider", RealKubeVirt.Name)).ShouldBe($"default/{web} has shut down and is starting\n");
        await kubeVirt.ShowsAsync(web, line => (string?)line?["power_state"] == "running" && (string?)line["instance_uid"] != former, "another instance");
        (await kubeVirt.AskAsync(HttpMethod.Post, $"/kubevirt/vms/default/{web}/refresh")).Code.ShouldBe(200);

        var copy = machines.NewName();
        (await kubeVirt.KvmctlAsync("vm", "clone", web, copy, "--provider", RealKubeVirt.Name, "--wait")).ShouldContain($"machine default/{copy} is there with its disks");
        await kubeVirt.IsAsync(copy, "stopped");

        (await kubeVirt.KvmctlAsync("vm", "stop", web, "--provider", RealKubeVirt.Name, "--wait")).ShouldBe($"default/{web} is stopped\n");
        (await kubeVirt.TryKvmctlAsync("vm", "restart", web, "--provider", RealKubeVirt.Name)).ExitCode.ShouldBe(75);
        await kubeVirt.KvmctlAsync("vm", "delete", web, "--provider", RealKubeVirt.Name);
        await kubeVirt.ShowsAsync(web, static line => line is null, "gone");
        (await kubeVirt.TryKvmctlAsync("vm", "start", web, "--provider", RealKubeVirt.Name)).Error.ShouldContain($"machine default/{web} not found");
    }

    [RealKubeVirtFact]
    public async Task What_it_does_not_have_and_what_goes_wrong_there_is_said()
    {
        await using var kubeVirt = await RealKubeVirt.StartAsync();
        await using var machines = new Machines(kubeVirt);
        var web = await machines.CreateAsync("runStrategy: Always");
        await kubeVirt.IsAsync(web, "running");
        var (code, body) = await kubeVirt.AskAsync(HttpMethod.Get, $"/kubevirt/vms/default/{web}/usage");
        (code, ((string)body["error"]!).Contains("has no subresource virtualmachineinstances/usage", StringComparison.Ordinal)).ShouldBe((501, true), body.ToJsonString());

        var wrong = await machines.CreateAsync("runStrategy: Always, instancetype: {name: kvmtest-none}");
        await kubeVirt.ShowsAsync(wrong, static line => ((string?)line?["message"])?.Contains("kvmtest-none", StringComparison.Ordinal) == true, "told why it does not start");
        (await kubeVirt.TryKvmctlAsync("vm", "console", wrong, "--provider", RealKubeVirt.Name)).Error.ShouldContain("cannot be had");
    }

    /// <returns>What comes first, or how it was closed.</returns>
    private static async Task<string> FirstAsync(ClientWebSocket socket)
    {
        using var limit = new CancellationTokenSource(AgentProcess.Patience);
        var bytes = new byte[12];
        var got = await socket.ReceiveAsync(bytes, limit.Token);
        return got.MessageType == WebSocketMessageType.Close ? $"{(int?)socket.CloseStatus} {socket.CloseStatusDescription}" : Encoding.ASCII.GetString(bytes, 0, got.Count);
    }

    private static async Task<string> BannerAsync(RealKubeVirt kubeVirt, string name)
    {
        await using var screen = kubeVirt.StartKvmctl("vm", "vnc", name, "--provider", RealKubeVirt.Name);
        var line = await screen.WaitForLineAsync("127.0.0.1:");
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", int.Parse(line.Split("127.0.0.1:")[1].Trim(), CultureInfo.InvariantCulture));
        var banner = new byte[12];
        await using var stream = new NetworkStream(socket);
        await stream.ReadExactlyAsync(banner);
        return Encoding.ASCII.GetString(banner);
    }

    /// <summary>Whose names nobody else there has, and which go with the test.</summary>
    private sealed class Machines(RealKubeVirt kubeVirt) : IAsyncDisposable
    {
        private readonly string _file = Path.GetTempFileName();
        private readonly List<string> _names = [];

        public string NewName()
        {
            var name = $"kvmtest-{Guid.NewGuid():N}"[..20];
            _names.Add(name);
            return name;
        }

        /// <param name="spec">What its spec has besides the template.</param>
        public async Task<string> CreateAsync(string spec)
        {
            var name = NewName();
            var memory = spec.Contains("instancetype", StringComparison.Ordinal) ? "" : "memory: {guest: 64Mi}, ";
            await File.WriteAllTextAsync(_file, $$$"""
                apiVersion: kubevirt.io/v1
                kind: VirtualMachine
                metadata: {name: {{{name}}}, namespace: {{{TestCluster.Namespace}}}}
                spec: { {{{spec}}}, template: {spec: {terminationGracePeriodSeconds: 0, domain: { {{{memory}}}devices: {}}, volumes: [{name: root, emptyDisk: {capacity: 64Mi}}] } } }
                """);
            (await kubeVirt.KvmctlAsync("vm", "create", "-f", _file, "--provider", RealKubeVirt.Name)).ShouldBe($"{TestCluster.Namespace}/{name} is created\n");
            return name;
        }

        public async ValueTask DisposeAsync()
        {
            File.Delete(_file);
            foreach (var name in _names)
            {
                // It may be gone already.
                await kubeVirt.TryKvmctlAsync("vm", "delete", name, "--provider", RealKubeVirt.Name);
            }
        }
    }
}
