using System.Net.WebSockets;
using System.Runtime.InteropServices;
using KvmAgent.Qemu;

namespace KvmAgent.Cli.Streams;

/// <summary>
/// A serial console on this terminal, as <c>kvm-agent console</c> has it. Every key goes to the guest but Ctrl-], which leaves. Where the input
/// is no terminal, all of it goes to the guest (Ctrl-] too), and when it has ended and the guest has printed nothing for a second, that
/// is the end. The end of the console ends it in any case.
/// </summary>
internal sealed class ConsoleSession(MachineSocket socket, Stream input, Stream output, TimeProvider time)
{
    private const int StandardInput = 0;
    private const byte Escape = 0x1d;

    /// <summary>The quiet after which a script has seen what came of its input.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    private long _lastOutput;

    /// <summary>Standard input and output on the console, until Ctrl-], the end of the console or a signal.</summary>
    /// <exception cref="CliException">It is refused, taken over, or breaks.</exception>
    public static async Task RunAsync(MachineSocket socket, TextWriter words, TimeProvider time, CancellationToken cancel)
    {
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        PosixSignal[] signals = [PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGINT, PosixSignal.SIGQUIT];
        var registrations = Array.ConvertAll(signals, signal => PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            leave.Cancel();
        }));
        var terminal = ConsoleTerminal.TryMakeRaw(StandardInput);
        try
        {
            if (terminal is not null)
            {
                await words.WriteAsync("[Ctrl-] leaves the console]\r\n").ConfigureAwait(false);
            }

            await new ConsoleSession(socket, ConsoleTerminal.OpenInput(), Console.OpenStandardOutput(), time).PassAsync(terminal is not null, leave.Token).ConfigureAwait(false);
        }
        finally
        {
            terminal?.Dispose();
            Array.ForEach(registrations, static registration => registration.Dispose());
            // After a signal there may be no terminal any more.
            if (terminal is not null && !leave.IsCancellationRequested)
            {
                await words.WriteAsync("\n[left the console]\n").ConfigureAwait(false);
            }
        }
    }

    private async Task PassAsync(bool interactive, CancellationToken leave)
    {
        using var done = CancellationTokenSource.CreateLinkedTokenSource(leave);
        var leaving = Task.Delay(Timeout.InfiniteTimeSpan, time, done.Token);
        var printing = PrintAsync();
        var typing = Task.Run(() => TypeAsync(interactive, done.Token), CancellationToken.None);
        if (await Task.WhenAny(printing, typing, leaving).ConfigureAwait(false) == typing && !interactive)
        {
            await Task.WhenAny(printing, QuietAsync(done.Token)).ConfigureAwait(false);
        }

        // Neither of the others is waited for: a read of standard input cannot be taken back, nor a write to a pipe that nobody reads.
        await (printing.IsCompleted ? printing : socket.LeaveAsync()).ConfigureAwait(false);
        await done.CancelAsync().ConfigureAwait(false);
    }

    private async Task PrintAsync()
    {
        try
        {
            await socket.ReceiveAsync(async bytes =>
            {
                Volatile.Write(ref _lastOutput, time.GetTimestamp());
                await output.WriteAsync(bytes).ConfigureAwait(false);
                await output.FlushAsync().ConfigureAwait(false);
            }).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // Nobody reads our output any more.
        }
    }

    private async Task TypeAsync(bool interactive, CancellationToken stop)
    {
        var buffer = new byte[4096];
        try
        {
            while (await input.ReadAsync(buffer, stop).ConfigureAwait(false) is > 0 and var count)
            {
                var escape = interactive ? buffer.AsSpan(0, count).IndexOf(Escape) : -1;
                await socket.SendAsync(buffer.AsMemory(0, escape < 0 ? count : escape), stop).ConfigureAwait(false);
                if (escape >= 0)
                {
                    return;
                }
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The terminal is gone, or we leave.
        }
        catch (Exception e) when (e is WebSocketException or ObjectDisposedException)
        {
            // The console ended: the other direction says why.
            await Task.Delay(Timeout.InfiniteTimeSpan, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task QuietAsync(CancellationToken stop)
    {
        var ended = time.GetTimestamp();
        while (Quiet - time.GetElapsedTime(Math.Max(ended, Volatile.Read(ref _lastOutput))) is var left && left > TimeSpan.Zero)
        {
            await Task.Delay(left, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested)
            {
                return;
            }
        }
    }
}
