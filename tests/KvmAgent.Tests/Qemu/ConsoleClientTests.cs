using System.Net.Sockets;
using System.Text;
using KvmAgent.Processes;
using KvmAgent.Qemu;
using KvmAgent.TestSupport;

namespace KvmAgent.Tests.Qemu;

/// <summary>What <c>kvm-agent console</c> does, before a terminal and in a script.</summary>
public sealed class ConsoleClientTests : IDisposable
{
    private const int Terminate = 15, NoTerminal = -1;
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(300);

    private readonly SocketDirectory _sockets = SocketDirectory.Create();
    private readonly Socket _hub;
    private readonly StringWriter _words = new();

    public ConsoleClientTests() => _hub = _sockets.Listen("console.sock");

    public void Dispose()
    {
        _words.Dispose();
        _hub.Dispose();
        _sockets.Dispose();
    }

    [Fact]
    public async Task On_a_terminal_every_key_goes_through_and_only_ctrl_bracket_leaves()
    {
        using var terminal = PseudoTerminal.Open();
        var before = terminal.Settings();
        var (running, hub) = await RunAsync(terminal);
        using var _ = hub;
        await hub.WriteAsync("login: ");
        await terminal.SeeAsync("login: ");
        terminal.Settings().ShouldNotBe(before);

        await terminal.TypeAsync("\x03\x04\x1a\x11\x13\x1c\x7f\r");
        await hub.WriteAsync("\n\r\n$");

        (await hub.ReadUntilAsync("\r")).ShouldBe("\x03\x04\x1a\x11\x13\x1c\x7f\r");
        (await terminal.SeeAsync("$")).ShouldBe("\n\r\n$", "raw, without echo");
        await terminal.TypeAsync("bye\x1dnot sent");
        await running.WaitAsync(Peer.Limit);
        (await hub.ReadToEndAsync()).ShouldBe("bye");
        terminal.Settings().ShouldBe(before);
        _words.ToString().ShouldContain("Ctrl-] leaves");
    }

    [Fact]
    public async Task The_terminal_is_as_before_when_the_console_ends()
    {
        using var terminal = PseudoTerminal.Open();
        var before = terminal.Settings();
        var (running, hub) = await RunAsync(terminal);
        await hub.WriteAsync("Power down");
        await terminal.SeeAsync("Power down");

        hub.Dispose();

        await running.WaitAsync(Peer.Limit);
        terminal.Settings().ShouldBe(before);
    }

    [Fact]
    public async Task The_terminal_is_as_before_when_a_signal_ends_it()
    {
        using var terminal = PseudoTerminal.Open();
        var before = terminal.Settings();
        var (running, hub) = await RunAsync(terminal);
        using var _ = hub;
        await hub.WriteAsync("x");
        await terminal.SeeAsync("x");

        Native.Kill(Environment.ProcessId, Terminate).ShouldBe(0);

        await running.WaitAsync(Peer.Limit);
        terminal.Settings().ShouldBe(before);
    }

    [Fact]
    public async Task A_script_gets_what_came_of_its_input_and_the_end_after_some_quiet()
    {
        using var outputs = _sockets.Listen("output.sock");
        using var output = await Peer.ConnectAsync(_sockets["output.sock"]);
        using var script = await Peer.AcceptAsync(outputs);
        using var input = new MemoryStream("uptime\x1d\n"u8.ToArray());
        await using var stream = new NetworkStream(output.Socket);
        var time = new ManualTime();
        var (running, hub) = await RunAsync(input, stream, time: time);
        using var _ = hub;

        (await hub.ReadLineAsync()).ShouldBe("uptime\x1d\n");
        for (var line = 0; line < 5; line++)
        {
            await hub.WriteAsync($"line {line}\n");
            (await script.ReadLineAsync()).ShouldBe($"line {line}\n");
            time.Advance(Quiet * 0.7);
            running.IsCompleted.ShouldBeFalse();
        }

        await time.AdvanceUntilAsync(running).WaitAsync(Peer.Limit);
        await running;
        _words.ToString().ShouldBeEmpty();
    }

    [Fact]
    public async Task The_end_of_the_console_ends_a_script_that_still_has_input()
    {
        using var output = new MemoryStream();
        using var pipe = new System.IO.Pipes.AnonymousPipeServerStream();
        using var input = new System.IO.Pipes.AnonymousPipeClientStream(pipe.GetClientHandleAsString());
        var (running, hub) = await RunAsync(input, output);
        await hub.WriteAsync("the end");

        hub.Dispose();

        await running.WaitAsync(Peer.Limit);
        Encoding.ASCII.GetString(output.ToArray()).ShouldBe("the end");
    }

    [Fact]
    public async Task Without_an_agent_the_error_says_where_it_looked()
    {
        var missing = await FailAsync("none.sock");
        missing.Reason.ShouldBe(FailureReason.Missing);
        missing.Message.ShouldContain(_sockets["none.sock"]);
        missing.Message.ShouldContain("RUN_DIR");

        using (var killed = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            killed.Bind(new UnixDomainSocketEndPoint(_sockets["bound.sock"]));
            File.Move(_sockets["bound.sock"], _sockets["left.sock"]);
        }

        var gone = await FailAsync("left.sock");
        gone.Reason.ShouldBe(FailureReason.TryAgain);
        gone.Message.ShouldContain(_sockets["left.sock"]);
    }

    private async Task<AgentException> FailAsync(string name) => await Should.ThrowAsync<AgentException>(
        ConsoleClient.RunAsync(
            _sockets[name], Quiet, NoTerminal, Stream.Null, Stream.Null, _words, TimeProvider.System, CancellationToken.None));

    private Task<(Task Running, Peer Hub)> RunAsync(PseudoTerminal terminal) =>
        RunAsync(terminal.Terminal, terminal.Terminal, terminal.Descriptor);

    private async Task<(Task Running, Peer Hub)> RunAsync(
        Stream input, Stream output, int descriptor = NoTerminal, TimeProvider? time = null)
    {
        var running = ConsoleClient.RunAsync(
            _sockets["console.sock"], Quiet, descriptor, input, output, _words, time ?? TimeProvider.System, CancellationToken.None);
        return (running, await Peer.AcceptAsync(_hub));
    }
}
