using System.Net.Sockets;
using System.Text.Json;

namespace KvmAgent.Qemu;

/// <summary>
/// The host's end of the guest agent's virtio-serial port. No connection tells who is at the other end or since when: what is sent waits
/// until somebody in the guest opens the port, and what comes may answer a question of long ago. <see cref="SyncAsync"/> finds the
/// place from which on the answers are ours. Nothing is read between commands: a guest that babbles fills its own port and no more.
/// </summary>
internal sealed class GuestAgentPort(string path) : IDisposable
{
    private const int LongestLine = 1 << 20, MostBytes = 4 << 20;

    /// <summary>What a line counts at least: looking at one that is no JSON costs some microseconds.</summary>
    private const int LeastLine = 256;

    private const byte Delimiter = 0xff;

    private NetworkStream? _stream;
    private QmpLines? _lines;
    private int _read;
    private bool _inStep;

    /// <summary>Makes sure that the next answer is the one to the next command.</summary>
    /// <param name="anew">Ask in any case: the command must not wait in the port for an agent of later.</param>
    /// <param name="stop">Ends the waiting.</param>
    public async Task SyncAsync(bool anew, CancellationToken stop)
    {
        _read = 0;
        if (_stream is null)
        {
            var socket = await QmpSocket.TryConnectAsync(path, stop).ConfigureAwait(false)
                ?? throw new IOException($"nobody listens at {path}: QEMU does not run");
            _stream = new NetworkStream(socket, ownsSocket: true);
            _lines = new QmpLines(socket, LongestLine);
        }

        if (_inStep && !anew)
        {
            return;
        }

        // The byte makes the agent forget half a command; it marks its answer with the same byte, which is in no other (UTF-8 has none).
        _inStep = false;
        var id = Random.Shared.Next();
        var sync = QmpMessage.Command("guest-sync-delimited", arguments => arguments.WriteNumber("id", id));
        await _stream.WriteAsync(new byte[] { Delimiter }, stop).ConfigureAwait(false);
        await _stream.WriteAsync(sync, stop).ConfigureAwait(false);
        while (!IsAnswer(await ReadAsync(delimited: true, stop).ConfigureAwait(false), id))
        {
        }

        _inStep = true;
    }

    /// <summary>Sends a command. Its answer must be read, or <see cref="LoseStep"/> be called.</summary>
    public async Task SendAsync(ReadOnlyMemory<byte> command, CancellationToken stop) =>
        await _stream!.WriteAsync(command, stop).ConfigureAwait(false);

    /// <returns>What the command returned.</returns>
    /// <exception cref="QmpException">The agent refused.</exception>
    public async Task<JsonElement> ReceiveAsync(CancellationToken stop)
    {
        while (true)
        {
            var message = await ReadAsync(delimited: false, stop).ConfigureAwait(false);
            if (message.TryGetProperty("return", out var result))
            {
                return result;
            }

            if (QmpMessage.Shape(message, QmpMessage.TryError) is { } error)
            {
                throw new QmpException(ConsoleText.Clean(error.ErrorClass, 64), ConsoleText.Clean(error.Message, 256));
            }
        }
    }

    /// <summary>Says that an answer may still come which nobody wants any more.</summary>
    public void LoseStep() => _inStep = false;

    /// <summary>Connects again for the next command.</summary>
    public void Disconnect()
    {
        _inStep = false;
        _stream?.Dispose();
        _stream = null;
    }

    public void Dispose() => _stream?.Dispose();

    /// <returns>The next line that is a JSON object; what is none is noise.</returns>
    private async Task<JsonElement> ReadAsync(bool delimited, CancellationToken stop)
    {
        while (await _lines!.ReadAsync(stop).ConfigureAwait(false) is { } line)
        {
            _read += Math.Max(line.Length, LeastLine);
            if (_read > MostBytes)
            {
                throw new IOException($"the guest agent sent {MostBytes >> 20} MiB and no answer");
            }

            var mark = line.Span.LastIndexOf(Delimiter);
            if ((mark >= 0 || !delimited) && TryParse(line[(mark + 1)..]) is { ValueKind: JsonValueKind.Object } message)
            {
                return message;
            }
        }

        throw new IOException("QEMU closed the guest agent's port");
    }

    private static bool IsAnswer(JsonElement message, int id) =>
        message.TryGetProperty("return", out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number)
        && number == id;

    private static JsonElement? TryParse(ReadOnlyMemory<byte> text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
