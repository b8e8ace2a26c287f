using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace KvmAgent.Qemu;

/// <summary>
/// <c>kvm-agent console</c>: the guest's serial console on this terminal, the last 64 KiB first. Every key goes to the guest but
/// Ctrl-], which leaves. Where the input is no terminal, all of it goes to the guest (Ctrl-] too), and when it has ended and
/// the guest has printed nothing for a second, that is the end: <c>kvm-agent console &lt;/dev/null</c> prints what there is,
/// <c>echo reboot | kvm-agent console</c> also what comes of it. The end of the console ends it in any case.
/// </summary>
internal sealed class ConsoleClient
{
    /// <summary>The quiet after which a script has seen what came of its input.</summary>
    public static readonly TimeSpan UsualQuiet = TimeSpan.FromSeconds(1);

    private const byte Escape = 0x1d;

    private readonly NetworkStream _console;
    private readonly Stream _input;
    private readonly Stream _output;
    private readonly TimeProvider _time;
    private long _lastOutput;

    private ConsoleClient(NetworkStream console, Stream input, Stream output, TimeProvider time)
    {
        _console = console;
        _input = input;
        _output = output;
        _time = time;
    }

    /// <summary>Attaches standard input and output to the console, until Ctrl-], the end of the console or a signal.</summary>
    /// <param name="path">The agent's <c>console.sock</c>.</param>
    /// <param name="quiet">How long nothing must come after the end of the input (<see cref="UsualQuiet"/>).</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancel">Leaves.</param>
    /// <exception cref="AgentException">No agent has a console there.</exception>
    public static Task RunAsync(string path, TimeSpan quiet, TimeProvider time, CancellationToken cancel = default) =>
        RunAsync(path, quiet, 0, ConsoleTerminal.OpenInput(), Console.OpenStandardOutput(), Console.Error, time, cancel);

    /// <summary>As above, with other streams; <paramref name="descriptor"/> is the input's, which may be a terminal.</summary>
    public static async Task RunAsync(
        string path,
        TimeSpan quiet,
        int descriptor,
        Stream input,
        Stream output,
        TextWriter words,
        TimeProvider time,
        CancellationToken cancel)
    {
        await using var console = new NetworkStream(await ConnectAsync(path, cancel).ConfigureAwait(false), ownsSocket: true);
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        PosixSignal[] signals = [PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGINT, PosixSignal.SIGQUIT];
        var registrations = Array.ConvertAll(signals, signal => PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            leave.Cancel();
        }));
        var terminal = ConsoleTerminal.TryMakeRaw(descriptor);
        try
        {
            if (terminal is not null)
            {
                await words.WriteAsync("[Ctrl-] leaves the console]\r\n").ConfigureAwait(false);
            }

            await new ConsoleClient(console, input, output, time).PassAsync(terminal is not null, quiet, leave.Token).ConfigureAwait(false);
        }
        finally
        {
            terminal?.Dispose();
            Array.ForEach(registrations, static registration => registration.Dispose());
        }

        if (terminal is not null)
        {
            await words.WriteAsync("\n[left the console]\n").ConfigureAwait(false);
        }
    }

    private static async Task<Socket> ConnectAsync(string path, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel).ConfigureAwait(false);
            return socket;
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            socket.Dispose();
            throw (e as SocketException)?.SocketErrorCode switch
            {
                SocketError.ConnectionRefused => new AgentException(
                    FailureReason.TryAgain, $"the agent that made {path} does not run any more: try again when it does", e),
                SocketError.AddressNotAvailable => new AgentException(
                    FailureReason.Missing, $"no agent has a console here: there is no {path}; set RUN_DIR as the agent has it", e),
                _ => new AgentException(
                    FailureReason.Missing, $"cannot use {path}: {e.Message}; become the agent's user, or set RUN_DIR", e),
            };
        }
    }

    private async Task PassAsync(bool interactive, TimeSpan quiet, CancellationToken leave)
    {
        using var done = CancellationTokenSource.CreateLinkedTokenSource(leave);
        var leaving = Task.Delay(Timeout.InfiniteTimeSpan, _time, done.Token);
        var printing = PrintAsync(done.Token);
        var typing = Task.Run(() => TypeAsync(interactive, done.Token), CancellationToken.None);
        if (await Task.WhenAny(printing, typing, leaving).ConfigureAwait(false) == typing && !interactive)
        {
            await Task.WhenAny(printing, QuietAsync(quiet, done.Token)).ConfigureAwait(false);
        }

        // None of them is waited for: a read of standard input cannot be taken back, nor a write to a pipe that nobody reads.
        await done.CancelAsync().ConfigureAwait(false);
    }

    private async Task PrintAsync(CancellationToken stop)
    {
        var buffer = new byte[4096];
        try
        {
            while (await _console.ReadAsync(buffer, stop).ConfigureAwait(false) is > 0 and var count)
            {
                Volatile.Write(ref _lastOutput, _time.GetTimestamp());
                await _output.WriteAsync(buffer.AsMemory(0, count), stop).ConfigureAwait(false);
                await _output.FlushAsync(stop).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // We leave, or the agent was killed, or nobody reads our output any more.
        }
    }

    private async Task TypeAsync(bool interactive, CancellationToken stop)
    {
        var buffer = new byte[1024];
        try
        {
            while (await _input.ReadAsync(buffer, stop).ConfigureAwait(false) is > 0 and var count)
            {
                var escape = interactive ? buffer.AsSpan(0, count).IndexOf(Escape) : -1;
                await _console.WriteAsync(buffer.AsMemory(0, escape < 0 ? count : escape), stop).ConfigureAwait(false);
                if (escape >= 0)
                {
                    return;
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The console ended, which the other direction says, or the terminal is gone.
        }
    }

    private async Task QuietAsync(TimeSpan quiet, CancellationToken stop)
    {
        var ended = _time.GetTimestamp();
        while (quiet - _time.GetElapsedTime(Math.Max(ended, Volatile.Read(ref _lastOutput))) is var left && left > TimeSpan.Zero)
        {
            await Task.Delay(left, _time, stop).ConfigureAwait(false);
        }
    }
}
