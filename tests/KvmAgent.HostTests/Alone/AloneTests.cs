using System.Net.WebSockets;
using System.Text;
using KvmAgent.HostTests.Guests;
using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Alone;

/// <summary>A real agent with a real guest, and a real coordinator without a cluster.</summary>
public class AloneTests
{
    private const string Subresources = "/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachineinstances/web";

    [Fact]
    public async Task A_vm_enrols_is_driven_and_is_known_over_every_restart()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var coordinator = await AloneProcess.StartAsync(pod);
        var settings = coordinator.AgentSettings;
        settings["IMG_SOURCE"] = await TestGuest.ImageAsync();
        settings["USERDATA_FILE"] = Path.Combine(pod.Directory, "userdata");
        await File.WriteAllTextAsync(settings["USERDATA_FILE"], "#cloud-config\n# test-guest: guest-agent\n");
        string uid;
        await using (var agent = AgentProcess.Start(pod, settings))
        {
            var vm = await coordinator.ReachesAsync("Running", "True");
            uid = vm["metadata"]!["uid"]!.GetValue<string>();
            vm["metadata"]!["name"]!.GetValue<string>().ShouldBe("web");
            vm["status"]!["interfaces"]![0]!["ipAddress"]!.GetValue<string>().ShouldBe(PodNamespace.Address);
            agent.Lines.Count(IsEnrolled).ShouldBe(1);

            using (var console = await coordinator.DialAsync($"{Subresources}/console"))
            {
                await console.SendAsync("echo $((6*7))-is-the-answer\n"u8.ToArray(), WebSocketMessageType.Binary, endOfMessage: true, Limit());
                await ReadUntilAsync(console, "42-is-the-answer");
            }

            await coordinator.ReachesAsync("Running", "True", condition: "AgentConnected");
            (await coordinator.AskAsync(HttpMethod.Get, $"{Subresources}/guestosinfo"))["guestAgentVersion"]!.GetValue<string>().ShouldNotBeEmpty();

            await coordinator.KillAndStartAsync();
            (await coordinator.ReachesAsync("Running", "True"))["metadata"]!["uid"]!.GetValue<string>().ShouldBe(uid);
            agent.HasExited.ShouldBeFalse();
            agent.Lines.Count(IsEnrolled).ShouldBe(1, string.Join('\n', agent.Lines));
            await coordinator.AskAsync(HttpMethod.Put, $"{Subresources}/pause");
            await coordinator.ReachesAsync("Running", "False");
            await coordinator.AskAsync(HttpMethod.Put, $"{Subresources}/unpause");

            agent.Terminate();
            (await agent.ExitAsync()).ShouldBe(0, string.Join('\n', agent.Lines));
            await coordinator.ReachesAsync("Succeeded", "False");
        }

        // By its own token alone: the one that enrols is not there.
        settings["COORDINATOR_TOKEN_FILE"] = Path.Combine(pod.Directory, "none");
        await using var next = AgentProcess.Start(pod, settings);
        (await coordinator.ReachesAsync("Running", "True"))["metadata"]!["uid"]!.GetValue<string>().ShouldBe(uid);

        await coordinator.AskAsync(HttpMethod.Delete, "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances/web");
        (await next.ExitAsync()).ShouldBe(0, string.Join('\n', next.Lines));
        await Until.TrueAsync(
            async () => (await coordinator.AskAsync(HttpMethod.Get, "/apis/kubevirt.io/v1/virtualmachineinstances"))["items"]!.AsArray().Count == 0, AgentProcess.Patience);
    }

    private static bool IsEnrolled(string line) => line.Contains("enrolled with the coordinator at", StringComparison.Ordinal);

    private static CancellationToken Limit() => new CancellationTokenSource(TimeSpan.FromMinutes(1)).Token;

    private static async Task ReadUntilAsync(ClientWebSocket socket, string text)
    {
        var all = new StringBuilder();
        var buffer = new byte[4096];
        while (!all.ToString().Contains(text, StringComparison.Ordinal))
        {
            var part = await socket.ReceiveAsync(buffer, Limit());
            part.MessageType.ShouldNotBe(WebSocketMessageType.Close, $"the console ended before {text}: {all}");
            all.Append(Encoding.Latin1.GetString(buffer, 0, part.Count));
        }
    }
}
