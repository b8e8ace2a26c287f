using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using KvmAgent.Qemu;
using KvmAgent.TestSupport;

namespace KvmAgent.Tests.Qemu;

/// <summary>The shared console, with a socket in the place of QEMU's.</summary>
public sealed class ConsoleHubTests : IAsyncLifetime
{
    private static readonly Task Running = new TaskCompletionSource().Task;

    private readonly SocketDirectory _sockets = SocketDirectory.Create();
    private readonly ConcurrentQueue<string> _log = [];
    private readonly Socket _qemu;
    private readonly ConsoleHub _hub;
    private Peer _guest = null!;

    public ConsoleHubTests()
    {
        _qemu = _sockets.Listen("serial.sock");
        _hub = ConsoleHub.Start(_sockets["console.sock"], _log.Enqueue, TimeProvider.System);
    }

    public async Task InitializeAsync() => _guest = await StartGuestAsync();

    public async Task DisposeAsync()
    {
        await _hub.DisposeAsync();
        _guest.Dispose();
        _qemu.Dispose();
        _sockets.Dispose();
    }

    [Fact]
    public async Task Who_attaches_sees_what_was_printed_and_then_what_is()
    {
        using var early = await AttachAsync();
        await _guest.WriteAsync("booting\r\nlogin: ");
        await early.ReadUntilAsync("login: ");

        using var late = await AttachAsync();
        await late.ReadUntilAsync("booting\r\nlogin: ");
        await _guest.WriteAsync("root");

        (await early.ReadUntilAsync("root")).ShouldBe("root");
        (await late.ReadUntilAsync("root")).ShouldBe("root");
        _log.First().ShouldBe("booting");
    }

    [Fact]
    public async Task Who_types_takes_the_keyboard_and_the_one_before_only_watches()
    {
        using var first = await AttachAsync();
        await first.WriteAsync("a");
        await _guest.ReadUntilAsync("a");

        using var second = await AttachAsync();
        await second.ReadUntilAsync("another console has the keyboard; typing here takes it over]");
        await second.WriteAsync("b");
        await _guest.ReadUntilAsync("b");
        await first.ReadUntilAsync("another console took the keyboard over; this one watches]");

        await first.WriteAsync("lost");
        await first.ReadUntilAsync("attach again to take it]");
        await second.WriteAsync("c");
        (await _guest.ReadUntilAsync("c")).ShouldBe("c");
    }

    [Fact]
    public async Task The_keyboard_is_free_again_when_its_owner_leaves()
    {
        using var first = await AttachAsync();
        await first.WriteAsync("a");
        await _guest.ReadUntilAsync("a");
        using (var second = await AttachAsync())
        {
            await second.WriteAsync("b");
            await first.ReadUntilAsync("this one watches]");
        }

        // The hub learns of it in its own time; until then the first is told that it has not got the keyboard.
        var got = _guest.ReadUntilAsync("bd");
        while (!got.IsCompleted)
        {
            await first.WriteAsync("d");
            await Task.WhenAny(got, Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System));
        }

        (await got).ShouldBe("bd");
    }

    [Fact]
    public async Task Watching_alone_takes_nothing_from_anybody()
    {
        using var typing = await AttachAsync();
        await typing.WriteAsync("a");
        await _guest.ReadUntilAsync("a");

        using var watching = await AttachAsync();
        await watching.ReadUntilAsync("has the keyboard");
        await typing.WriteAsync("b");
        await _guest.ReadUntilAsync("b");
        await _guest.WriteAsync("echo");

        (await typing.ReadUntilAsync("echo")).ShouldBe("echo");
    }

    [Fact]
    public async Task The_console_outlives_the_machine()
    {
        using var attacher = await AttachAsync();
        await _guest.WriteAsync("Power down");
        await attacher.ReadUntilAsync("Power down");

        _guest.Dispose();
        await attacher.ReadUntilAsync("the machine is off]");
        await attacher.WriteAsync("x");
        await attacher.ReadUntilAsync("it did not get that]");
        _guest = await StartGuestAsync();
        await _guest.WriteAsync("booting again\r\n");

        await attacher.ReadUntilAsync("booting again");
        await attacher.WriteAsync("y");
        (await _guest.ReadUntilAsync("y")).ShouldBe("y");
        _log.ShouldBe(["Power down", "booting again"]);
    }

    [Fact]
    public async Task A_console_that_nobody_reads_does_not_hold_up_the_guest_and_is_told_what_it_missed()
    {
        using var slow = await AttachAsync();
        await _guest.WriteAsync("first\r\n");
        await slow.ReadUntilAsync("first");

        await FloodAsync(20 << 20);
        await _guest.WriteAsync("the last words");

        var read = await slow.ReadUntilAsync("the last words");
        read.ShouldContain(" bytes left out");
        read.Length.ShouldBeLessThan(1 << 20);
    }

    [Fact]
    public async Task The_last_words_reach_those_who_are_attached()
    {
        // On this clock nobody is given up for being slow.
        await using var hub = ConsoleHub.Start(_sockets["patient.sock"], _log.Enqueue, new ManualTime());
        using var attacher = await Peer.ConnectAsync(_sockets["patient.sock"]);
        using var qemu = _sockets.Listen("serial2.sock");
        var accepting = Peer.AcceptAsync(qemu);
        await hub.AttachGuestAsync(_sockets["serial2.sock"], Peer.Limit, Running);
        using (var guest = await accepting)
        {
            await guest.WriteAsync("booting");
            await attacher.ReadUntilAsync("booting");
            await guest.WriteAsync(new string('x', 60_000) + "Power down");
        }

        await hub.DetachGuestAsync();
        var read = attacher.ReadToEndAsync();
        await hub.DisposeAsync();

        (await read).ShouldEndWith("xPower down\r\n[kvm-agent: the machine is off]\r\n");
        _log.Last().ShouldStartWith("bootingxxx");
    }

    [Fact]
    public async Task Only_so_many_can_attach()
    {
        var attached = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => AttachAsync()));
        await _guest.WriteAsync("all");
        await Task.WhenAll(attached.Select(attacher => attacher.ReadUntilAsync("all")));

        using var one = await AttachAsync();
        (await one.ReadToEndAsync()).ShouldBe("\r\n[kvm-agent: 16 consoles are attached already; leave one of them]\r\n");

        Array.ForEach(attached, attacher => attacher.Dispose());
    }

    [Fact]
    public async Task The_socket_is_its_owners_alone_and_goes_with_the_hub()
    {
        var path = _sockets["console.sock"];
        File.GetUnixFileMode(path).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);

        await _hub.DisposeAsync();

        File.Exists(path).ShouldBeFalse();
    }

    [Fact]
    public async Task What_a_killed_agent_left_is_replaced()
    {
        File.WriteAllText(_sockets["stale.sock"], "");

        await using var hub = ConsoleHub.Start(_sockets["stale.sock"], _log.Enqueue, TimeProvider.System);

        using var attacher = await Peer.ConnectAsync(_sockets["stale.sock"]);
    }

    [Theory]
    [InlineData("no/such/directory/console.sock")]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789.sock")]
    public void A_socket_that_cannot_be_made_names_the_setting(string name)
    {
        var error = Should.Throw<AgentException>(() => ConsoleHub.Start(_sockets[name], _log.Enqueue, TimeProvider.System));

        error.ExitCode.ShouldBe(73);
        error.Message.ShouldContain(_sockets[name]);
        error.Message.ShouldContain("RUN_DIR");
    }

    [Fact]
    public async Task A_machine_that_ended_before_its_console_opened_is_not_waited_for()
    {
        await Should.ThrowAsync<IOException>(
            _hub.AttachGuestAsync(_sockets["never.sock"], Peer.Limit, Task.CompletedTask));
    }

    private async Task<Peer> StartGuestAsync()
    {
        var accepting = Peer.AcceptAsync(_qemu);
        await _hub.AttachGuestAsync(_sockets["serial.sock"], Peer.Limit, Running);
        return await accepting;
    }

    private Task<Peer> AttachAsync() => Peer.ConnectAsync(_sockets["console.sock"]);

    private async Task FloodAsync(int size)
    {
        var bytes = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("\e[32mflooding the console with this\e[0m\r\n", 1024)));
        for (var written = 0; written < size; written += bytes.Length)
        {
            await _guest.WriteAsync(bytes);
        }
    }
}
