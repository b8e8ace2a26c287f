using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace KvmAgent.Images.Tests.Support;

/// <summary>
/// An HTTP server on 127.0.0.1 that answers by script and misbehaves on demand. One request a connection. It is strict:
/// a request that no well-behaved client sends makes the test fail when the server is disposed.
/// </summary>
internal sealed class FaultServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<Heard, Answer> _script;
    private readonly X509Certificate2? _certificate;
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentQueue<Heard> _heard = new();
    private readonly ConcurrentQueue<string> _complaints = new();
    private readonly ConcurrentBag<Task> _running = [];
    private readonly Task _accepting;

    public FaultServer(Func<Heard, Answer> script, X509Certificate2? certificate = null)
    {
        (_script, _certificate) = (script, certificate);
        _listener.Start(64);
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Expects whole URLs, as proxies are sent them.</summary>
    public bool IsProxy { get; init; }

    public IReadOnlyList<Heard> Heard => [.. _heard];

    public string Url(string path = "/disk.img") => $"{(_certificate is null ? "http" : "https")}://127.0.0.1:{Port}{path}";

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _accepting;
        _listener.Stop();
        await Task.WhenAll(_running);
        _end.Dispose();
        _complaints.ShouldBeEmpty();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _running.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_end.Token)));
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var _ = client;
        try
        {
            await using var stream = await OpenAsync(client);
            if (await ReadAsync(stream) is not { } heard)
                return;
            _heard.Enqueue(heard);
            var answer = _script(heard);
            try
            {
                await SendAsync(answer, stream, client);
            }
            finally
            {
                answer.Ended?.Invoke();
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or System.Security.Authentication.AuthenticationException)
        {
            // The client went away, which some tests want, or the server ends.
        }
        catch (Exception e)
        {
            _complaints.Enqueue(e.ToString());
        }
    }

    private async Task<Stream> OpenAsync(TcpClient client)
    {
        if (_certificate is null)
            return client.GetStream();
        var tls = new SslStream(client.GetStream());
        await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _end.Token);
        return tls;
    }

    private async Task<Heard?> ReadAsync(Stream stream)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (!head.TakeLast(4).SequenceEqual("\r\n\r\n"u8.ToArray()))
        {
            if (await stream.ReadAsync(one, _end.Token) == 0)
                return null;
            head.Add(one[0]);
        }
        var lines = Encoding.ASCII.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var first = lines[0].Split(' ');
        var headers = lines.Skip(1).Select(line => line.Split(": ", 2)).ToDictionary(p => p[0], p => p[1], StringComparer.OrdinalIgnoreCase);
        var heard = new Heard(_heard.Count + 1, first[0], first[1], headers);
        Check(first is ["GET", _, "HTTP/1.1"], lines[0]);
        Check(first[1].StartsWith(IsProxy ? "http://" : "/", StringComparison.Ordinal) && !first[1].Contains('@') && !first[1].Contains('#'), $"target {first[1]}");
        Check(headers.ContainsKey("Host"), "no Host");
        Check(headers.GetValueOrDefault("Accept-Encoding") == "identity", "Accept-Encoding is not identity");
        Check(heard.To is not null || headers.ContainsKey("Range") == headers.ContainsKey("If-Range"), "Range and If-Range go together");
        Check(!headers.ContainsKey("Range") || heard.From is > 0 || heard.To is not null, $"Range: {headers.GetValueOrDefault("Range")}");
        return heard;
    }

    private void Check(bool good, string otherwise)
    {
        if (!good)
            _complaints.Enqueue(otherwise);
    }

    private async Task SendAsync(Answer answer, Stream stream, TcpClient client)
    {
        var head = new StringBuilder($"{(answer.Garble ? "SSH-2.0-OpenSSH_9.2" : "HTTP/1.1")} {answer.Status} {answer.Reason}\r\nConnection: close\r\n");
        foreach (var (name, value) in answer.Headers)
            head.Append($"{name}: {value}\r\n");
        if (answer.Chunked)
            head.Append("Transfer-Encoding: chunked\r\n");
        else if (answer.Length is { } length)
            head.Append($"Content-Length: {length}\r\n");
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head + "\r\n"), _end.Token);

        var body = answer.Body.AsMemory(0, Math.Min(answer.Body.Length, answer.CutAfter ?? int.MaxValue));
        while (body.Length > 0)
        {
            var piece = body[..Math.Min(body.Length, answer.Piece)];
            if (answer.Chunked)
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"{piece.Length:x}\r\n"), _end.Token);
            await stream.WriteAsync(piece, _end.Token);
            if (answer.Chunked)
                await stream.WriteAsync("\r\n"u8.ToArray(), _end.Token);
            body = body[piece.Length..];
            if (answer.Pause > TimeSpan.Zero)
                await Task.Delay(answer.Pause, TimeProvider.System, _end.Token);
        }
        while (answer.Endless)
            await stream.WriteAsync(Encoding.ASCII.GetBytes("100000\r\n").Concat(new byte[1 << 20]).Concat("\r\n"u8.ToArray()).ToArray(), _end.Token);
        if (answer.Hold is { } hold)
            await hold.WaitAsync(_end.Token);
        if (answer.Silent)
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, _end.Token);
        if (answer.Chunked && answer.CutAfter is null)
            await stream.WriteAsync("0\r\n\r\n"u8.ToArray(), _end.Token);
        if (answer.Reset)
            client.LingerState = new LingerOption(true, 0);
    }
}

internal sealed record Heard(int Number, string Method, string Target, IReadOnlyDictionary<string, string> Headers)
{
    public long? From => long.TryParse(Range?[0], out var from) ? from : null;

    /// <summary>The last byte asked for; null for all to the end.</summary>
    public long? To => long.TryParse(Range?[1], out var to) ? to : null;

    private string[]? Range => Headers.GetValueOrDefault("Range") is { } range && range.StartsWith("bytes=", StringComparison.Ordinal)
        && range[6..].Split('-') is { Length: 2 } ends ? ends : null;
}

internal sealed record Answer(int Status, byte[] Body, params (string Name, string Value)[] Headers)
{
    public string Reason { get; init; } = "Whatever";

    /// <summary>The announced length; the body's where nothing else is said, null for none.</summary>
    public long? Length { get; init; } = Body.Length;

    public bool Chunked { get; init; }

    /// <summary>Closes the connection after so many bytes of the body.</summary>
    public int? CutAfter { get; init; }

    /// <summary>With RST instead of FIN.</summary>
    public bool Reset { get; init; }

    /// <summary>Sends nothing more after the body (or where it is cut) and keeps the connection.</summary>
    public bool Silent { get; init; }

    /// <summary>Goes on with chunks of zeroes after the body.</summary>
    public bool Endless { get; init; }

    /// <summary>Answers in another protocol.</summary>
    public bool Garble { get; init; }

    /// <summary>Waits for this after the body.</summary>
    public Task? Hold { get; init; }

    /// <summary>Told when the answer was sent or is given up.</summary>
    public Action? Ended { get; init; }

    public int Piece { get; init; } = 64 * 1024;

    public TimeSpan Pause { get; init; }

    /// <summary>What an honest server answers: the whole, or the range if it is still the same.</summary>
    public static Answer File(Heard heard, byte[] content, string tag = "\"v1\"")
    {
        if (heard.From is not { } from || heard.Headers.GetValueOrDefault("If-Range", tag) != tag)
            return new Answer(200, content, ("ETag", tag));
        if (from >= content.Length)
            return new Answer(416, [], ("Content-Range", $"bytes */{content.Length}"));
        var end = Math.Min(heard.To ?? long.MaxValue, content.Length - 1) + 1;
        return new Answer(206, content[(int)from..(int)end], ("ETag", tag), ("Content-Range", $"bytes {from}-{end - 1}/{content.Length}"));
    }

    public static Answer Text(int status, string text) => new(status, Encoding.UTF8.GetBytes(text));

    public static Answer Redirect(string to, int status = 302) => new(status, [], ("Location", to));
}
