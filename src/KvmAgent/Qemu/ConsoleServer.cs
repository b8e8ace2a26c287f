using System.Net.Sockets;
using System.Text;

namespace KvmAgent.Qemu;

/// <summary>
/// The socket where people attach to the console, and who of them has the keyboard: who types takes it over, the one who had it
/// is told and only watches from then on, until nobody has it or it connects again. Reading alone disturbs nobody.
/// </summary>
internal sealed class ConsoleServer : IAsyncDisposable
{
    private const int MostAttachers = 16;
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(1);

    private readonly Socket _listener;
    private readonly ConsoleScrollback _scrollback;
    private readonly Func<ReadOnlyMemory<byte>, Task<bool>> _type;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly Dictionary<ConsoleAttacher, Task> _attachers = [];
    private readonly Task _accepting;
    private ConsoleAttacher? _keyboard;

    private ConsoleServer(Socket listener, ConsoleScrollback scrollback, Func<ReadOnlyMemory<byte>, Task<bool>> type, TimeProvider time)
    {
        _listener = listener;
        _scrollback = scrollback;
        _type = type;
        _time = time;
        _accepting = AcceptAsync();
    }

    /// <param name="path">The socket to make; only its owner may connect.</param>
    /// <param name="scrollback">What those who attach read.</param>
    /// <param name="type">Gives the guest what they type; false where there is none.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="AgentException">The socket cannot be made.</exception>
    public static ConsoleServer Open(
        string path, ConsoleScrollback scrollback, Func<ReadOnlyMemory<byte>, Task<bool>> type, TimeProvider time)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            File.Delete(path);
            listener.Bind(new UnixDomainSocketEndPoint(path));

            // Nobody can connect before it listens.
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            listener.Listen();
            return new ConsoleServer(listener, scrollback, type, time);
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            listener.Dispose();
            throw new AgentException(
                FailureReason.Unwritable,
                $"cannot make the console's socket {path}: {e.Message}; set RUN_DIR to a writable directory with a short name",
                e);
        }
    }

    /// <summary>A line of the agent's own, as it stands among what the guest prints.</summary>
    public static byte[] Notice(string text) => Encoding.UTF8.GetBytes($"\r\n[kvm-agent: {text}]\r\n");

    /// <summary>Says that the scrollback has grown.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            foreach (var attacher in _attachers.Keys)
            {
                attacher.Wake();
            }
        }
    }

    /// <summary>Shows all of them a line of the agent's own.</summary>
    public void Say(string text)
    {
        lock (_gate)
        {
            foreach (var attacher in _attachers.Keys)
            {
                attacher.Say(text);
            }
        }
    }

    /// <summary>Lets nobody in any more, and lets go those who are attached when they have got what there is, but soon.</summary>
    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _accepting.ConfigureAwait(false);
        KeyValuePair<ConsoleAttacher, Task>[] attachers;
        lock (_gate)
        {
            attachers = [.. _attachers];
        }

        foreach (var (attacher, _) in attachers)
        {
            attacher.Finish();
        }

        var gone = Task.WhenAll(attachers.Select(static entry => entry.Value));
        try
        {
            await gone.WaitAsync(Farewell, _time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            foreach (var (attacher, _) in attachers)
            {
                attacher.Dispose();
            }

            await gone.ConfigureAwait(false);
        }
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            try
            {
                Attach(await _listener.AcceptAsync().ConfigureAwait(false));
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                return;
            }
            catch (SocketException)
            {
                // Out of descriptors, most likely: whoever waits gets in when there are some again.
                await Task.Delay(TimeSpan.FromSeconds(1), _time).ConfigureAwait(false);
            }
        }
    }

    private void Attach(Socket socket)
    {
        lock (_gate)
        {
            if (_attachers.Count == MostAttachers)
            {
                socket.Send(Notice($"{MostAttachers} consoles are attached already; leave one of them"));
                socket.Dispose();
                return;
            }

            var attacher = new ConsoleAttacher(socket, _scrollback);
            if (_keyboard is not null)
            {
                attacher.Say("another console has the keyboard; typing here takes it over");
            }

            _attachers.Add(attacher, ServeAsync(attacher));
        }
    }

    private async Task ServeAsync(ConsoleAttacher attacher)
    {
        // Off the lock: it must be in the table before it can leave it.
        await Task.Yield();
        await attacher.RunAsync(bytes => TypeAsync(attacher, bytes)).ConfigureAwait(false);
        lock (_gate)
        {
            _attachers.Remove(attacher);
            _keyboard = _keyboard == attacher ? null : _keyboard;
        }
    }

    private async Task TypeAsync(ConsoleAttacher attacher, ReadOnlyMemory<byte> bytes)
    {
        if (TakeKeyboard(attacher) && !await _type(bytes).ConfigureAwait(false))
        {
            attacher.Say("the machine is off: it did not get that");
        }
    }

    private bool TakeKeyboard(ConsoleAttacher attacher)
    {
        lock (_gate)
        {
            if (_keyboard == attacher)
            {
                return true;
            }

            if (_keyboard is not null)
            {
                if (attacher.Superseded)
                {
                    if (!attacher.Warned)
                    {
                        attacher.Warned = true;
                        attacher.Say("another console has the keyboard; attach again to take it");
                    }

                    return false;
                }

                (_keyboard.Superseded, _keyboard.Warned) = (true, false);
                _keyboard.Say("another console took the keyboard over; this one watches");
            }

            _keyboard = attacher;
            attacher.Superseded = false;
            return true;
        }
    }
}
