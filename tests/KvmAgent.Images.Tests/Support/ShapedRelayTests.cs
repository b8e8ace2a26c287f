using System.Net;
using System.Net.Sockets;

namespace KvmAgent.Images.Tests.Support;

/// <summary>The bench trusts the relay. Lower bounds are exact; upper ones leave room for a busy machine.</summary>
public sealed class ShapedRelayTests : IDisposable
{
    private const long Unlimited = 1L << 40;
    private const long Rate = 4 << 20;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly TcpListener _server = new(IPAddress.Loopback, 0);

    public ShapedRelayTests() => _server.Start();

    public void Dispose() => _server.Stop();

    [Fact]
    public async Task Setup_costs_a_round_trip_and_each_way_half_of_one()
    {
        await using var relay = Relay(TimeSpan.FromMilliseconds(200), Unlimited);
        var start = TimeProvider.System.GetTimestamp();
        var (client, server) = await ConnectAsync(relay);
        using var _ = client;
        using var __ = server;
        TimeProvider.System.GetElapsedTime(start).ShouldBeGreaterThanOrEqualTo(TimeSpan.FromMilliseconds(200));

        foreach (var (from, to) in new[] { (client, server), (server, client) })
        {
            start = TimeProvider.System.GetTimestamp();
            await from.SendAsync("ping"u8.ToArray());
            (await ReadAsync(to, 4)).ShouldBe("ping"u8.ToArray());
            TimeProvider.System.GetElapsedTime(start).ShouldBeInRange(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(2));
        }
    }

    [Fact]
    public async Task Bytes_that_follow_each_other_are_delayed_together_not_one_after_the_other()
    {
        await using var relay = Relay(TimeSpan.FromMilliseconds(200), Unlimited);
        var (client, server) = await ConnectAsync(relay);
        using var _ = client;
        using var __ = server;
        var bytes = Samples.Raw(2_000_000);
        var start = TimeProvider.System.GetTimestamp();

        var sending = SendAsync(server, bytes);
        var got = await ReadAsync(client, bytes.Length);

        // Some 120 pieces at the least: in single file they would take 12 seconds.
        TimeProvider.System.GetElapsedTime(start).ShouldBeLessThan(TimeSpan.FromSeconds(5));
        got.AsSpan().SequenceEqual(bytes).ShouldBeTrue();
        await sending;
    }

    [Fact]
    public async Task Each_connection_has_the_rate_to_itself()
    {
        const int many = 8;
        var bytes = Samples.Raw((int)Rate / 2);
        await using var relay = Relay(TimeSpan.Zero, Rate);
        var pairs = new List<(Socket Client, Socket Server)>();
        for (var i = 0; i < many; i++)
            pairs.Add(await ConnectAsync(relay));
        var start = TimeProvider.System.GetTimestamp();

        await Task.WhenAll(pairs.Select(async pair =>
        {
            var (client, server) = pair;
            using var c = client;
            using var s = server;
            var sending = SendAsync(server, bytes);
            var got = await ReadAsync(client, bytes.Length);
            // One rate for all of them would have been four seconds.
            TimeProvider.System.GetElapsedTime(start).ShouldBeInRange(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(3));
            got.AsSpan().SequenceEqual(bytes).ShouldBeTrue();
            await sending;
        }));
    }

    [Fact]
    public async Task A_connection_nobody_reads_makes_its_sender_wait_and_no_other()
    {
        await using var relay = Relay(TimeSpan.Zero, Unlimited);
        var (stuck, sender) = await ConnectAsync(relay);
        using var _ = stuck;
        using var __ = sender;
        var flood = SendAsync(sender, new byte[256 << 20]);
        var (client, server) = await ConnectAsync(relay);
        using var c = client;
        using var s = server;

        var sending = SendAsync(server, Samples.Raw(1_000_000));
        (await ReadAsync(client, 1_000_000)).ShouldBe(Samples.Raw(1_000_000));
        await sending;

        flood.IsCompleted.ShouldBeFalse("256 MiB fit into no window");
        stuck.LingerState = new LingerOption(true, 0);
        stuck.Close();
        await Should.ThrowAsync<SocketException>(flood.WaitAsync(Deadline));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_end_is_passed_on_and_the_other_way_stays_open(bool clientEnds)
    {
        await using var relay = Relay(TimeSpan.FromMilliseconds(20), Unlimited);
        var (client, server) = await ConnectAsync(relay);
        using var _ = client;
        using var __ = server;
        var (first, second) = clientEnds ? (client, server) : (server, client);

        await SendAsync(first, Samples.Raw(100_000));
        first.Shutdown(SocketShutdown.Send);
        (await ReadAsync(second, 100_000)).ShouldBe(Samples.Raw(100_000));
        (await second.ReceiveAsync(new byte[1]).WaitAsync(Deadline)).ShouldBe(0);

        await second.SendAsync("still"u8.ToArray());
        (await ReadAsync(first, 5)).ShouldBe("still"u8.ToArray());
        second.Shutdown(SocketShutdown.Send);
        (await first.ReceiveAsync(new byte[1]).WaitAsync(Deadline)).ShouldBe(0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_reset_is_passed_on_as_a_reset(bool clientEnds)
    {
        await using var relay = Relay(TimeSpan.FromMilliseconds(20), Unlimited);
        var (client, server) = await ConnectAsync(relay);
        using var _ = client;
        using var __ = server;
        var (first, second) = clientEnds ? (client, server) : (server, client);

        first.LingerState = new LingerOption(true, 0);
        first.Close();

        (await Should.ThrowAsync<SocketException>(() => second.ReceiveAsync(new byte[1]).WaitAsync(Deadline))).SocketErrorCode.ShouldBe(SocketError.ConnectionReset);
    }

    private ShapedRelay Relay(TimeSpan roundTrip, long rate) => new(((IPEndPoint)_server.LocalEndpoint).Port, roundTrip, rate);

    /// <summary>A connection's two ends: one connection is made at a time.</summary>
    private async Task<(Socket Client, Socket Server)> ConnectAsync(ShapedRelay relay)
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, relay.Port);
        return (client, await _server.AcceptSocketAsync());
    }

    private static async Task SendAsync(Socket to, ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
            bytes = bytes[await to.SendAsync(bytes)..];
    }

    private static async Task<byte[]> ReadAsync(Socket from, int count)
    {
        var bytes = new byte[count];
        for (int done = 0, read; done < count; done += read)
            (read = await from.ReceiveAsync(bytes.AsMemory(done)).AsTask().WaitAsync(Deadline)).ShouldBeGreaterThan(0);
        return bytes;
    }
}
