using System.Text;
using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Guests;

/// <summary>A web server outside of the pod that gives every request the same answer, however wrong: the bytes of a file.</summary>
internal sealed class HttpPage : IAsyncDisposable
{
    public const string Url = $"http://{PodNamespace.Client}:8000/base.qcow2";

    private readonly Background _server;
    private readonly string _answer;

    private HttpPage(Background server, string answer, string requests) => (_server, _answer, Requests) = (server, answer, requests);

    /// <summary>A file with a line for each request.</summary>
    public string Requests { get; }

    public static async Task<HttpPage> ServeAsync(PodNamespace pod, string status, byte[] body, int? announced = null, string header = "X-Test: yes")
    {
        var answer = Path.Combine(pod.Directory, "answer");
        var script = Path.Combine(pod.Directory, "serve");
        var requests = Path.Combine(pod.Directory, "requests");
        await File.WriteAllTextAsync(requests, "");
        await File.WriteAllTextAsync(script, $"echo asked >>{requests}\nend=$(printf '\\r')\nwhile IFS= read -r line && [ \"$line\" != \"$end\" ]; do :; done\nexec cat {answer}\n");
        var page = new HttpPage(await Socat.ServeAsync(pod.Node, "TCP4-LISTEN:8000", $"EXEC:/bin/sh {script}"), answer, requests);
        page.Answer(status, body, announced, header);
        return page;
    }

    public void Answer(string status, byte[] body, int? announced = null, string header = "X-Test: yes")
    {
        var head = $"HTTP/1.1 {status}\r\nContent-Length: {announced ?? body.Length}\r\nConnection: close\r\n{header}\r\n\r\n";
        File.WriteAllBytes(_answer, [.. Encoding.ASCII.GetBytes(head), .. body]);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
