using System.Net;
using System.Net.Sockets;
using KvmAgent.Qemu;
using KvmAgent.TestSupport;

namespace KvmAgent.Tests.Qemu;

/// <summary>The guest agent's client against guests of every kind, played on the socket that is QEMU's.</summary>
public sealed class GuestAgentClientTests : IDisposable
{
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(2);

    private readonly ManualTime _time = new();
    private readonly SocketDirectory _sockets = SocketDirectory.Create();
    private readonly Socket _listener;
    private readonly GuestAgentClient _agent;

    public GuestAgentClientTests()
    {
        _listener = _sockets.Listen("qga.sock");
        _agent = new GuestAgentClient(_sockets["qga.sock"], _time);
    }

    public void Dispose()
    {
        _agent.Dispose();
        _listener.Dispose();
        _sockets.Dispose();
    }

    [Fact]
    public async Task The_first_command_finds_the_place_and_the_next_goes_straight()
    {
        var first = _agent.GetHostNameAsync(Peer.Limit);
        using var guest = await Peer.AcceptAsync(_listener);
        await AnswerSyncAsync(guest);
        (await guest.ReadLineAsync()).ShouldContain("\"guest-get-host-name\"");
        await guest.WriteAsync("{\"return\": {\"host-name\": \"web-1\"}}\n");
        (await first).ShouldBe("web-1");

        var second = _agent.PingAsync(Peer.Limit);
        (await guest.ReadLineAsync()).ShouldContain("\"guest-ping\"");
        await guest.WriteAsync("{\"return\": {}}\n");
        await second;
    }

    [Fact]
    public async Task Answers_of_long_ago_and_noise_are_passed_over()
    {
        var asking = _agent.GetHostNameAsync(Peer.Limit);
        using var guest = await Peer.AcceptAsync(_listener);
        var id = SyncId(await guest.ReadLineAsync());
        await guest.WriteAsync("\0\x01garbage\n{\"return\": {\"host-name\": \"old\"}}\n[1]\n\n{\"half\": ");
        await guest.WriteAsync("\xff{\"return\": 1}\n{\"return\": " + id + "}\n\xff{\"return\": \"" + id + "\"}\n");
        await guest.WriteAsync("{\"error\": {\"class\": \"GenericError\", \"desc\": \"parse error\"}}\nmore\xff{\"return\": " + id + "}\n");
        await guest.ReadLineAsync();
        await guest.WriteAsync("noise\n{\"event\": \"NOISE\"}\n17\n{\"return\": {\"host-name\": \"new\"}}\n");

        (await asking).ShouldBe("new");
    }

    [Fact]
    public async Task An_answer_that_comes_too_late_is_not_taken_for_the_next_one()
    {
        var late = _agent.GetHostNameAsync(Short);
        using var guest = await Peer.AcceptAsync(_listener);
        await AnswerSyncAsync(guest);
        await guest.ReadLineAsync();
        _time.Advance(Short);
        var error = await Should.ThrowAsync<TimeoutException>(late);
        error.Message.ShouldBe("the guest agent did not answer guest-get-host-name within 2 s");

        var next = _agent.GetHostNameAsync(Peer.Limit);
        await guest.WriteAsync("{\"return\": {\"host-name\": \"late\"}}\n");
        await AnswerSyncAsync(guest);
        await guest.ReadLineAsync();
        await guest.WriteAsync("{\"return\": {\"host-name\": \"right\"}}\n");

        (await next).ShouldBe("right");
    }

    [Fact]
    public async Task Without_an_agent_no_command_is_left_in_the_port_for_a_later_one()
    {
        var asking = _agent.PowerDownAsync(Short);
        using var guest = await Peer.AcceptAsync(_listener);
        (await guest.ReadLineAsync()).ShouldContain("guest-sync-delimited");
        _time.Advance(Short);
        await Should.ThrowAsync<TimeoutException>(asking);
        _agent.Dispose();

        (await guest.ReadToEndAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_refusal_names_its_reason_without_control_characters()
    {
        var asking = _agent.PingAsync(Peer.Limit);
        using var guest = await Peer.AcceptAsync(_listener);
        await AnswerSyncAsync(guest);
        await guest.WriteAsync("{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"\\u001b[2Jnot\\nhere" + new string('x', 1000) + "\"}}\n");

        var error = await Should.ThrowAsync<QmpException>(asking);
        error.ErrorClass.ShouldBe("CommandNotFound");
        error.Message.ShouldStartWith("[2Jnotherexxx");
        error.Message.Length.ShouldBe(256);
    }

    [Theory]
    [InlineData("x")]
    [InlineData("{\"return\": ")]
    [InlineData("[[[[[[[[[[")]
    [InlineData("\xff")]
    [InlineData("\n")]
    [InlineData("{}\n")]
    [InlineData("{\"return\": 1}\n")]
    public async Task A_guest_that_sends_without_end_is_cut_off(string noise)
    {
        var asking = _agent.PingAsync(Peer.Limit);
        using var guest = await Peer.AcceptAsync(_listener);
        var all = string.Concat(Enumerable.Repeat(noise, (64 << 10) / noise.Length));
        var sent = 0L;

        while (!asking.IsCompleted)
        {
            try
            {
                await guest.WriteAsync(all);
                sent += all.Length;
            }
            catch (SocketException)
            {
                break;
            }
        }

        await Should.ThrowAsync<IOException>(asking);
        sent.ShouldBeLessThan(8 << 20);

        // And it is asked again as if nothing had been.
        var again = _agent.PingAsync(Peer.Limit);
        using var recovered = await Peer.AcceptAsync(_listener);
        await AnswerSyncAsync(recovered);
        await recovered.WriteAsync("{\"return\": {}}\n");
        await again;
    }

    [Fact]
    public async Task A_guest_that_babbles_unasked_fills_its_own_port_only()
    {
        var asking = _agent.PingAsync(Peer.Limit);
        using var guest = await Peer.AcceptAsync(_listener);
        await AnswerSyncAsync(guest);
        await guest.WriteAsync("{\"return\": {}}\n");
        await asking;

        guest.Socket.Blocking = false;
        var line = new byte[1024];
        var filled = Should.Throw<SocketException>(() =>
        {
            for (var sent = 0; sent < 64 << 20; sent += line.Length)
            {
                guest.Socket.Send(line);
            }
        });

        filled.SocketErrorCode.ShouldBe(SocketError.WouldBlock);
    }

    [Fact]
    public async Task A_shutdown_that_is_not_answered_is_done()
    {
        var asking = _agent.PowerDownAsync(Peer.Limit);
        using var guest = await Peer.AcceptAsync(_listener);
        await AnswerSyncAsync(guest);
        (await guest.ReadLineAsync()).ShouldBe("{\"execute\":\"guest-shutdown\",\"arguments\":{\"mode\":\"powerdown\"}}\n");
        asking.IsCompleted.ShouldBeFalse();

        await _time.AdvanceUntilAsync(asking).WaitAsync(Peer.Limit);
        await asking;
    }

    [Fact]
    public async Task A_shutdown_after_which_the_machine_is_gone_is_done()
    {
        var asking = _agent.PowerDownAsync(Peer.Limit);
        using (var guest = await Peer.AcceptAsync(_listener))
        {
            await AnswerSyncAsync(guest);
            await guest.ReadLineAsync();
        }

        await asking;
    }

    [Fact]
    public async Task A_shutdown_that_is_refused_fails()
    {
        var asking = _agent.PowerDownAsync(Peer.Limit);
        using var guest = await Peer.AcceptAsync(_listener);
        await AnswerSyncAsync(guest);
        await guest.WriteAsync("{\"error\": {\"class\": \"GenericError\", \"desc\": \"no shutdown program\"}}\n");

        (await Should.ThrowAsync<QmpException>(asking)).Message.ShouldBe("no shutdown program");
    }

    [Fact]
    public async Task Commands_wait_for_their_turn()
    {
        var first = _agent.GetHostNameAsync(Peer.Limit);
        var second = _agent.GetHostNameAsync(Peer.Limit);
        using var guest = await Peer.AcceptAsync(_listener);
        await AnswerSyncAsync(guest);
        await guest.ReadLineAsync();
        await guest.WriteAsync("{\"return\": {\"host-name\": \"one\"}}\n");
        await guest.ReadLineAsync();
        await guest.WriteAsync("{\"return\": {\"host-name\": \"two\"}}\n");

        (await first).ShouldBe("one");
        (await second).ShouldBe("two");
    }

    [Fact]
    public async Task The_limit_counts_the_wait_for_the_turn()
    {
        var first = _agent.PingAsync(Peer.Limit);
        using var guest = await Peer.AcceptAsync(_listener);

        var second = _agent.PingAsync(Short);
        _time.Advance(Short);
        await Should.ThrowAsync<TimeoutException>(second);

        await AnswerSyncAsync(guest);
        await guest.WriteAsync("{\"return\": {}}\n");
        await first;
    }

    [Fact]
    public async Task A_cancelled_command_is_a_cancelled_one_and_no_timeout()
    {
        using var cancel = new CancellationTokenSource();
        var asking = _agent.PingAsync(Peer.Limit, cancel.Token);
        using var guest = await Peer.AcceptAsync(_listener);

        await cancel.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(asking);
    }

    [Fact]
    public async Task Without_qemu_it_fails_at_once()
    {
        using var agent = new GuestAgentClient(_sockets["none.sock"], TimeProvider.System);

        (await Should.ThrowAsync<IOException>(agent.PingAsync(Peer.Limit))).Message.ShouldContain("none.sock");
    }

    [Fact]
    public async Task What_a_guest_says_of_itself_is_cleaned_and_cut()
    {
        var asking = _agent.GetInterfacesAsync(Peer.Limit);
        using var guest = await Peer.AcceptAsync(_listener);
        await AnswerSyncAsync(guest);
        var addresses = """
            {"ip-address": "10.0.0.1", "ip-address-type": "ipv4", "prefix": 24}, {"ip-address": "fe80::1", "prefix": 64},
            {"ip-address": "not an address", "prefix": 1}, {"ip-address": "10.0.0.2", "prefix": 129}, {"ip-address": "10.0.0.3", "prefix": "8"}, 7
            """.ReplaceLineEndings("");
        string[] nics =
        [
            "{\"name\": \"e\\u001b]th\\n0\", \"hardware-address\": \"52:54:00:00:00:01\", \"ip-addresses\": [" + addresses + "]}",
            "{\"name\": \"\\ud800\", \"hardware-address\": 5, \"ip-addresses\": {}}", "null", .. Enumerable.Repeat("{}", 1000),
        ];
        await guest.WriteAsync("{\"return\": [" + string.Join(',', nics) + "]}\n");

        var interfaces = await asking;
        interfaces.Count.ShouldBe(256);
        interfaces[0].Name.ShouldBe("e]th0");
        interfaces[0].Mac.ShouldBe("52:54:00:00:00:01");
        interfaces[0].Addresses.ShouldBe([new GuestAddress(IPAddress.Parse("10.0.0.1"), 24), new GuestAddress(IPAddress.Parse("fe80::1"), 64)]);
        (interfaces[1].Name, interfaces[1].Mac, interfaces[1].Addresses.Count).ShouldBe(("", null, 0));
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("\"text\"")]
    [InlineData("{\"version\": [], \"supported_commands\": [1, {}, {\"name\": 2, \"enabled\": true}, {\"name\": \"off\", \"enabled\": false}]}")]
    public async Task An_answer_of_another_shape_is_one_without_content(string answer)
    {
        var asking = _agent.GetInfoAsync(Peer.Limit);
        using var guest = await Peer.AcceptAsync(_listener);
        await AnswerSyncAsync(guest);
        await guest.WriteAsync("{\"return\": " + answer + "}\n");

        var info = await asking;
        info.Version.ShouldBe("");
        info.Commands.ShouldBeEmpty();
    }

    private static async Task AnswerSyncAsync(Peer guest)
    {
        await guest.ReadUntilAsync("\xff");
        await guest.WriteAsync("\xff{\"return\": " + SyncId(await guest.ReadLineAsync()) + "}\n");
    }

    private static string SyncId(string line)
    {
        line.ShouldContain("\"guest-sync-delimited\"");
        return line[(line.LastIndexOf(':') + 1)..].TrimEnd('}', '\n');
    }
}
