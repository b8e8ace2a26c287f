using System.Net.Sockets;
using System.Text;
using KvmAgent.Qemu;

namespace KvmAgent.Tests.Qemu;

/// <summary>The control connection against what a QEMU should never send.</summary>
public sealed class QmpClientTests : IDisposable
{
    private const string Greeting = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, \"package\": \"\"}, \"capabilities\": []}}\r\n";
    private static readonly Task Running = new TaskCompletionSource().Task;

    private readonly SocketDirectory _sockets = SocketDirectory.Create();
    private readonly Socket _listener;

    public QmpClientTests() => _listener = _sockets.Listen("qmp.sock");

    public void Dispose()
    {
        _listener.Dispose();
        _sockets.Dispose();
    }

    [Theory]
    [InlineData("hello\n")]
    [InlineData("{}\n")]
    [InlineData("[]\n")]
    [InlineData("{\"QMP\": {\"version\": {\"qemu\": {\"major\": \"7\"}}}}\n")]
    public async Task Who_does_not_greet_like_qemu_is_refused(string greeting)
    {
        var connecting = QmpClient.ConnectAsync(_sockets["qmp.sock"], Peer.Limit, Running, TimeProvider.System);
        using var qemu = await Peer.AcceptAsync(_listener);
        await qemu.WriteAsync(greeting);

        await Should.ThrowAsync<IOException>(connecting);
    }

    [Fact]
    public async Task Who_does_not_greet_at_all_is_given_up()
    {
        var error = await Should.ThrowAsync<TimeoutException>(
            QmpClient.ConnectAsync(_sockets["qmp.sock"], TimeSpan.FromMilliseconds(200), Running, TimeProvider.System));

        error.Message.ShouldBe($"QEMU opened {_sockets["qmp.sock"]} but did not greet within 0.2 s");
    }

    [Fact]
    public async Task A_socket_that_nobody_opens_is_given_up()
    {
        var error = await Should.ThrowAsync<TimeoutException>(
            QmpClient.ConnectAsync(_sockets["none.sock"], TimeSpan.FromMilliseconds(200), Running, TimeProvider.System));

        error.Message.ShouldBe($"QEMU did not open {_sockets["none.sock"]} within 0.2 s");
    }

    [Fact]
    public async Task What_a_predecessor_left_is_waited_out()
    {
        _listener.Dispose();
        using (var stale = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            stale.Bind(new UnixDomainSocketEndPoint(_sockets["old.sock"]));
            File.Move(_sockets["old.sock"], _sockets["qmp2.sock"]);
        }

        var connecting = ConnectAsync("qmp2.sock");
        File.Delete(_sockets["qmp2.sock"]);
        using var listener = _sockets.Listen("qmp2.sock");
        using var qemu = await GreetAsync(listener);
        await (await connecting).DisposeAsync();
    }

    [Theory]
    [InlineData("not json\n")]
    [InlineData("{\"return\": {}\n")]
    [InlineData("{\"return\": {}} {}\n")]
    [InlineData("{\"neither\": 1}\n")]
    [InlineData("17\n")]
    [InlineData("\n")]
    [InlineData("{\"return\": {}, \"id\": \"two\"}\n")]
    [InlineData("{\"return\": {}, \"id\": 1e99}\n")]
    [InlineData("{\"error\": \"text\", \"id\": 2}\n")]
    [InlineData("{\"error\": {\"class\": null, \"desc\": \"\"}, \"id\": 2}\n")]
    [InlineData("{\"event\": \"STOP\"}\n")]
    [InlineData("{\"event\": 1, \"timestamp\": {\"seconds\": 1, \"microseconds\": 1}}\n")]
    [InlineData("{\"event\": \"\\ud800\", \"timestamp\": {\"seconds\": 1, \"microseconds\": 1}}\n")]
    [InlineData("{\"event\": \"STOP\", \"timestamp\": {\"seconds\": 999999999999999999, \"microseconds\": 1}}\n")]
    public async Task What_is_no_qmp_ends_the_connection_with_a_fault(string line)
    {
        var connecting = ConnectAsync("qmp.sock");
        using var qemu = await GreetAsync(_listener);
        await using var qmp = await connecting;
        var command = qmp.QueryStatusAsync();
        await qemu.ReadLineAsync();

        await qemu.WriteAsync(line);

        await Should.ThrowAsync<IOException>(command);
        await Should.ThrowAsync<IOException>(qmp.Events.Completion);
        await Should.ThrowAsync<IOException>(qmp.QueryStatusAsync());
        await qemu.ReadToEndAsync();
    }

    [Fact]
    public async Task A_message_without_end_ends_the_connection()
    {
        var connecting = ConnectAsync("qmp.sock");
        using var qemu = await GreetAsync(_listener);
        await using var qmp = await connecting;
        var chunk = Encoding.ASCII.GetBytes(new string(' ', 1 << 20));

        await Should.ThrowAsync<SocketException>(async () =>
        {
            for (var sent = 0; sent < 64; sent++)
            {
                await qemu.WriteAsync(chunk);
            }
        });

        (await Should.ThrowAsync<IOException>(qmp.Events.Completion)).Message.ShouldContain("16777216");
    }

    [Fact]
    public async Task A_large_message_is_read_whole()
    {
        var connecting = ConnectAsync("qmp.sock");
        using var qemu = await GreetAsync(_listener);
        await using var qmp = await connecting;
        var command = qmp.ExecuteAsync("qom-get");
        await qemu.ReadLineAsync();

        await qemu.WriteAsync("{\"return\": \"" + new string('x', 15 << 20) + "\", \"id\": 2}\r\n");

        (await command).GetString()!.Length.ShouldBe(15 << 20);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"status\": 5, \"running\": true}")]
    [InlineData("{\"status\": \"running\", \"running\": \"yes\"}")]
    public async Task An_answer_of_another_shape_fails_its_command_alone(string answer)
    {
        var connecting = ConnectAsync("qmp.sock");
        using var qemu = await GreetAsync(_listener);
        await using var qmp = await connecting;
        var command = qmp.QueryStatusAsync();
        await qemu.ReadLineAsync();
        await qemu.WriteAsync("{\"return\": " + answer + ", \"id\": 2}\r\n");
        await Should.ThrowAsync<IOException>(command);

        var next = qmp.QueryKvmAsync();
        await qemu.ReadLineAsync();
        await qemu.WriteAsync("{\"return\": {\"enabled\": true, \"present\": true}, \"id\": 3}\r\n");
        (await next).ShouldBeTrue();
    }

    [Fact]
    public async Task A_late_answer_is_dropped_and_the_next_command_gets_its_own()
    {
        var connecting = ConnectAsync("qmp.sock");
        using var qemu = await GreetAsync(_listener);
        await using var qmp = await connecting;
        var error = await Should.ThrowAsync<TimeoutException>(qmp.ExecuteAsync("query-kvm", limit: TimeSpan.FromMilliseconds(100)));
        error.Message.ShouldBe("QEMU did not answer query-kvm within 0.1 s");

        var next = qmp.ExecuteAsync("query-uuid");
        await qemu.WriteAsync("{\"return\": \"late\", \"id\": 2}\r\n{\"return\": \"right\", \"id\": 3}\r\n");

        (await next).GetString().ShouldBe("right");
    }

    private Task<QmpClient> ConnectAsync(string name) => QmpClient.ConnectAsync(_sockets[name], Peer.Limit, Running, TimeProvider.System);

    internal static async Task<Peer> GreetAsync(Socket listener)
    {
        var qemu = await Peer.AcceptAsync(listener);
        await qemu.WriteAsync(Greeting);
        (await qemu.ReadLineAsync()).ShouldBe("{\"execute\":\"qmp_capabilities\",\"id\":1}\n");
        await qemu.WriteAsync("{\"return\": {}, \"id\": 1}\r\n");
        return qemu;
    }
}
