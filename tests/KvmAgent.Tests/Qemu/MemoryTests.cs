using System.Net.Sockets;
using System.Text;
using KvmAgent.Qemu;

namespace KvmAgent.Tests.Qemu;

/// <summary>What a guest cannot make the agent hold. Memory is the process's, so nothing else may run beside these.</summary>
[CollectionDefinition(nameof(MemoryTests), DisableParallelization = true)]
[Collection(nameof(MemoryTests))]
public sealed class MemoryTests : IDisposable
{
    private const long MiB = 1 << 20;

    private readonly SocketDirectory _sockets = SocketDirectory.Create();

    public void Dispose() => _sockets.Dispose();

    [Fact]
    public async Task A_hundred_megabytes_of_console_leave_nothing_behind()
    {
        using var qemu = _sockets.Listen("serial.sock");
        await using var hub = ConsoleHub.Start(_sockets["console.sock"], static _ => { }, TimeProvider.System);
        var accepting = Peer.AcceptAsync(qemu);
        await hub.AttachGuestAsync(_sockets["serial.sock"], Peer.Limit, new TaskCompletionSource().Task);
        using var guest = await accepting;
        using var slow = await Peer.ConnectAsync(_sockets["console.sock"]);
        using var quick = await Peer.ConnectAsync(_sockets["console.sock"]);
        using var stop = new CancellationTokenSource();
        var draining = DrainAsync(quick.Socket, stop.Token);
        await FloodAsync(guest, 4 * MiB);
        var (held, allocated) = (GC.GetTotalMemory(forceFullCollection: true), GC.GetTotalAllocatedBytes());

        await FloodAsync(guest, 100 * MiB);

        (GC.GetTotalAllocatedBytes() - allocated).ShouldBeLessThan(50 * MiB);
        (GC.GetTotalMemory(forceFullCollection: true) - held).ShouldBeLessThan(MiB);
        await stop.CancelAsync();
        await draining;
    }

    [Theory]
    [InlineData("x")]
    [InlineData("[[[[[[[[")]
    [InlineData("{\"return\": 1}\n")]
    public async Task A_guest_agent_that_sends_without_end_leaves_nothing_behind(string noise)
    {
        using var listener = _sockets.Listen("qga.sock");
        using var agent = new GuestAgentClient(_sockets["qga.sock"], TimeProvider.System);
        var bytes = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(noise, (64 << 10) / noise.Length)));
        await DrownAsync(listener, agent, bytes);
        var held = GC.GetTotalMemory(forceFullCollection: true);

        for (var round = 0; round < 5; round++)
        {
            await DrownAsync(listener, agent, bytes);
        }

        (GC.GetTotalMemory(forceFullCollection: true) - held).ShouldBeLessThan(MiB);
    }

    private static async Task DrownAsync(Socket listener, GuestAgentClient agent, byte[] bytes)
    {
        var asking = agent.PingAsync(Peer.Limit);
        using var guest = await Peer.AcceptAsync(listener);
        await Should.ThrowAsync<SocketException>(async () =>
        {
            for (var sent = 0L; sent < 64 * MiB; sent += bytes.Length)
            {
                await guest.WriteAsync(bytes);
            }
        });
        await Should.ThrowAsync<IOException>(asking);
    }

    private static async Task FloodAsync(Peer guest, long size)
    {
        var bytes = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("\e[32mflooding the console with this\e[0m\r\n", 1024)));
        for (var written = 0L; written < size; written += bytes.Length)
        {
            await guest.WriteAsync(bytes);
        }
    }

    private static async Task DrainAsync(Socket socket, CancellationToken stop)
    {
        var buffer = new byte[64 << 10];
        try
        {
            while (await socket.ReceiveAsync(buffer.AsMemory(), stop) > 0)
            {
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }
}
