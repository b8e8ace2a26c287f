using System.Net.Sockets;
using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Status;

/// <summary>
/// The agent's own socket in RUN_DIR, for <c>kvm-agent status</c> and its siblings: JSON-RPC 2.0, one request a line, one answer a line.
/// Only root may connect. Methods: <c>status</c> (gives a VmStatus), <c>usage</c> (gives a VmUsage, or null while no guest runs), <c>start</c>
/// (powers a held guest on; gives whether it was held).
/// </summary>
internal sealed partial class ControlSocket : IAsyncDisposable
{
    private const int LongestRequest = 4096, MethodNotFound = -32601, ParseError = -32700;

    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _path;
    private readonly StatusBoard _board;
    private readonly Func<CancellationToken, Task<VmUsage?>> _usage;
    private readonly Func<bool> _start;
    private readonly ILogger _log;
    private readonly Task _accepting;

    public ControlSocket(
        string runDir, StatusBoard board, Func<CancellationToken, Task<VmUsage?>> usage, Func<bool> start, ILogger<ControlSocket> log)
    {
        (_path, _board, _usage, _start, _log) = (PathIn(runDir), board, usage, start, log);
        File.Delete(_path);
        _listener.Bind(new UnixDomainSocketEndPoint(_path));
        File.SetUnixFileMode(_path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        _listener.Listen();
        _accepting = AcceptAsync();
    }

    public static string PathIn(string runDir) => Path.Combine(runDir, "control.sock");

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _accepting.ConfigureAwait(false);
        File.Delete(_path);
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptAsync().ConfigureAwait(false));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed: there is nothing more to serve.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            using var stream = new NetworkStream(socket, ownsSocket: true);
            var request = new byte[LongestRequest];
            var length = 0;
            while (length < request.Length)
            {
                var read = await stream.ReadAsync(request.AsMemory(length)).ConfigureAwait(false);
                length += read;
                if (read == 0 || request.AsSpan(0, length).Contains((byte)'\n'))
                {
                    break;
                }
            }

            await stream.WriteAsync(await AnswerAsync(request.AsMemory(0, length)).ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            LogGone(e.Message);
        }
    }

    private async Task<byte[]> AnswerAsync(ReadOnlyMemory<byte> request)
    {
        string? method;
        try
        {
            using var document = JsonDocument.Parse(request);
            method = document.RootElement.TryGetProperty("method", out var name) ? name.GetString() : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return Reply(json => WriteError(json, ParseError, "not a JSON-RPC request"));
        }

        var usage = method == "usage" ? await _usage(CancellationToken.None).ConfigureAwait(false) : null;
        return method switch
        {
            "usage" => Reply(json =>
            {
                json.WritePropertyName("result");
                JsonSerializer.Serialize(json, usage!, LinkJson.Default.VmUsage);
            }),
            "status" => Reply(json =>
            {
                json.WritePropertyName("result");
                JsonSerializer.Serialize(json, _board.Current, ContractsJson.Default.VmStatus);
            }),
            "start" => Reply(json => json.WriteBoolean("result", _start())),
            _ => Reply(json => WriteError(json, MethodNotFound, "there are the methods status, usage and start")),
        };
    }

    private static byte[] Reply(Action<Utf8JsonWriter> body)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("jsonrpc", "2.0");
            json.WriteNumber("id", 1);
            body(json);
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    private static void WriteError(Utf8JsonWriter json, int code, string message)
    {
        json.WriteStartObject("error");
        json.WriteNumber("code", code);
        json.WriteString("message", message);
        json.WriteEndObject();
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "a client of the control socket went away: {Error}")]
    private partial void LogGone(string error);
}
