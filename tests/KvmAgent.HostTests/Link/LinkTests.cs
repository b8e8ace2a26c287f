using System.Net.WebSockets;
using System.Text;
using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Agents;
using KvmAgent.HostTests.Guests;
using KvmAgent.HostTests.Support;
using KvmAgent.TestSupport.Certificates;

namespace KvmAgent.HostTests.Link;

/// <summary>A real agent with a real guest, and the coordinator's end of its link.</summary>
public class LinkTests
{
    private static readonly byte[] PngSignature = [0x89, .. "PNG\r\n"u8, 0x1a, (byte)'\n'];

    [Fact]
    public async Task A_vm_is_seen_and_driven_over_its_link()
    {
        using var authority = new TestAuthority("authority");
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var coordinator = await LinkedCoordinator.StartAsync(pod, authority);
        await using var agent = await StartAsync(pod, authority);
        await coordinator.ReachesAsync(VmPhase.Preparing, VmPhase.Starting, VmPhase.Running);
        var link = coordinator.Link!;

        await using (var console = await link.OpenStreamAsync(new StreamRequest(StreamKinds.Console), Limit()))
        {
            await ReadUntilAsync(console, "test-guest: ready");
            await WriteAsync(console, "echo $((6*7))-is-the-answer\n"u8.ToArray());
            await ReadUntilAsync(console, "42-is-the-answer");
        }

        await Until.TrueAsync(() => Task.FromResult(link.Status is { Ready: true, GuestAgent.Answers: true }), AgentProcess.Patience);
        link.Usage!.CpuSeconds.ShouldBeGreaterThan(0.1);
        link.Usage.ResidentBytes.ShouldBeGreaterThan(16 << 20);
        link.Usage.Block.ReadBytes.ShouldBeGreaterThan(1 << 20);

        await link.PauseAsync(default);
        await coordinator.ReachesAsync(VmPhase.Preparing, VmPhase.Starting, VmPhase.Running, VmPhase.Paused);
        await link.UnpauseAsync(default);
        await coordinator.ReachesAsync(VmPhase.Preparing, VmPhase.Starting, VmPhase.Running, VmPhase.Paused, VmPhase.Running);

        await using (var screen = await link.OpenStreamAsync(new StreamRequest(StreamKinds.Vnc), Limit()))
        {
            (await ReadUntilAsync(screen, "\n")).ShouldBe("RFB 003.008\n");
        }

        var picture = await link.ScreenshotAsync(Limit());
        picture.AsSpan(0, PngSignature.Length).ToArray().ShouldBe(PngSignature);
        picture.Length.ShouldBeGreaterThan(100);

        await using (var web = await link.OpenStreamAsync(new StreamRequest(StreamKinds.Port, 80), Limit()))
        {
            await WriteAsync(web, "GET / HTTP/1.0\r\n\r\n"u8.ToArray());
            (await ReadUntilAsync(web, null)).ShouldContain("200 OK");
        }

        await using (var echo = await link.OpenStreamAsync(new StreamRequest(StreamKinds.Port, 7, StreamKinds.Udp), Limit()))
        {
            await WriteAsync(echo, "datagram"u8.ToArray());
            await ReadUntilAsync(echo, "datagram");
        }

        var info = await link.GuestInfoAsync(Limit());
        info.AgentVersion.ShouldNotBeEmpty();
        info.Commands.ShouldContain("guest-shutdown");
        info.HostName.ShouldBe(link.Status!.GuestAgent!.HostName);
        (await link.FilesystemListAsync(Limit())).ShouldNotBeNull();
        (await link.UserListAsync(Limit())).ShouldNotBeNull();

        await link.ShutdownAsync(null, Limit());
        (await agent.ExitAsync()).ShouldBe(0, string.Join('\n', agent.Lines));
        coordinator.Transitions.ShouldBe(
        [
            VmPhase.Preparing, VmPhase.Starting, VmPhase.Running, VmPhase.Paused, VmPhase.Running, VmPhase.ShuttingDown, VmPhase.Stopped,
        ]);
        coordinator.Reports.Last(r => r.Transition is not null).Transition!.ExitCode.ShouldBe(0);
        coordinator.Reports.Select(r => r.Sequence).ShouldBeInOrder();
    }

    [Fact]
    public async Task A_coordinator_that_was_away_learns_all_and_a_freeze_ends_without_it()
    {
        using var authority = new TestAuthority("authority");
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var agent = await StartAsync(pod, authority);
        await agent.UpAsync();
        agent.Lines.ShouldContain(l => l.Contains("no link to the coordinator at 10.244.9.9", StringComparison.Ordinal));
        var frozen = 0;
        await using (var coordinator = await LinkedCoordinator.StartAsync(pod, authority))
        {
            await coordinator.ReachesAsync(VmPhase.Preparing, VmPhase.Starting, VmPhase.Running);
            await Until.TrueAsync(() => Task.FromResult(coordinator.Link is { Status.GuestAgent.Answers: true }), AgentProcess.Patience);
            await coordinator.Link!.FreezeAsync(TimeSpan.FromSeconds(4), Limit());
            frozen = agent.Lines.Length;
            (await coordinator.Link!.GuestInfoAsync(Limit())).FreezeStatus.ShouldBe("frozen");
            (await Should.ThrowAsync<JsonRpcException>(coordinator.Link!.FreezeAsync(TimeSpan.FromSeconds(4), Limit()))).Code.ShouldBe(LinkErrors.Busy);
        }

        await agent.WaitForLineAsync("the guest's filesystems are thawed: its deadline of 4 s has come", frozen);
        await using (var again = await LinkedCoordinator.StartAsync(pod, authority))
        {
            // Another that knows nothing yet: the whole history once more.
            await again.ReachesAsync(VmPhase.Preparing, VmPhase.Starting, VmPhase.Running);
            (await again.Link!.GuestInfoAsync(Limit())).FreezeStatus.ShouldBe("thawed");
        }

        agent.Terminate();
        (await agent.ExitAsync()).ShouldBe(0, string.Join('\n', agent.Lines));
        await using var next = await StartAsync(pod, authority);
        await using var last = await LinkedCoordinator.StartAsync(pod, authority);
        await Until.TrueAsync(() => Task.FromResult(last.Transitions.Length >= 8), AgentProcess.Patience);
        last.Transitions.Take(8).ShouldBe(
        [
            VmPhase.Preparing, VmPhase.Starting, VmPhase.Running, VmPhase.ShuttingDown, VmPhase.Stopped,
            VmPhase.Preparing, VmPhase.Starting, VmPhase.Running,
        ]);
        last.Reports.Where(r => r.Transition is not null).Select(r => r.Start.Id).Distinct().Count().ShouldBe(2);
    }

    private static async Task<AgentProcess> StartAsync(PodNamespace pod, TestAuthority authority)
    {
        var userdata = Path.Combine(pod.Directory, "userdata");
        await File.WriteAllTextAsync(userdata, "#cloud-config\n# test-guest: guest-agent\n");
        var settings = await LinkedCoordinator.SettingsAsync(pod, authority);
        settings["IMG_SOURCE"] = await TestGuest.ImageAsync();
        settings["USERDATA_FILE"] = userdata;
        return AgentProcess.Start(pod, settings);
    }

    private static CancellationToken Limit() => new CancellationTokenSource(TimeSpan.FromMinutes(1)).Token;

    private static async Task WriteAsync(AgentStream stream, byte[] bytes) =>
        await stream.Socket.SendAsync(bytes, WebSocketMessageType.Binary, endOfMessage: true, Limit());

    /// <param name="text">Null: to the end.</param>
    private static async Task<string> ReadUntilAsync(AgentStream stream, string? text)
    {
        var all = new StringBuilder();
        var buffer = new byte[4096];
        while (text is null || !all.ToString().Contains(text, StringComparison.Ordinal))
        {
            var part = await stream.Socket.ReceiveAsync(buffer, Limit());
            if (part.MessageType == WebSocketMessageType.Close)
            {
                text.ShouldBeNull($"the stream ended before {text}: {all}");
                break;
            }

            all.Append(Encoding.Latin1.GetString(buffer, 0, part.Count));
        }

        return all.ToString();
    }
}
