using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.TestSupport.Api;

/// <summary>
/// What pods' containers have said, and <c>GET pods/NAME/log</c>: of one container as text, with <c>tailLines</c>, and with <c>follow</c> until
/// the client goes. Of a pod with several containers all say the same here; one that is not started has no log.
/// </summary>
internal sealed class PodLogs
{
    public const string Subresource = "log";

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    private readonly ConcurrentDictionary<string, List<string>> _lines = [];

    public void Add(string podUid, string line)
    {
        var lines = _lines.GetOrAdd(podUid, static _ => []);
        lock (lines)
        {
            lines.Add(line);
        }
    }

    /// <returns>Writes the answer.</returns>
    public Func<Task> Begin(HttpContext http, Stored pod, IReadOnlyDictionary<string, string> query)
    {
        var containers = (pod.Json.Object("spec")?["containers"]?.AsArray() ?? []).Select(static c => (string)c!["name"]!).ToList();
        if (query.GetValueOrDefault("container") is { } asked ? !containers.Contains(asked) : containers.Count != 1)
        {
            throw ApiError.Unknown(400, "BadRequest", query.TryGetValue("container", out var wrong)
                ? $"container {wrong} is not valid for pod {pod.Name}"
                : $"a container name must be specified for pod {pod.Name}, choose one of: [{string.Join(' ', containers)}]");
        }

        if (pod.Json.Text("status", "phase") is null or "Pending")
        {
            throw new ApiError(400, "BadRequest", $"container \"{containers[0]}\" in pod \"{pod.Name}\" is waiting to start: ContainerCreating");
        }

        var from = query.GetValueOrDefault("tailLines") is { } tail ? (int)Math.Max(0, Lines(pod).Count - Query.Integer("tailLines", tail)) : 0;
        return () => WriteAsync(http, pod, from, Query.IsTrue(query, "follow"));
    }

    private async Task WriteAsync(HttpContext http, Stored pod, int from, bool follow)
    {
        http.Response.ContentType = "text/plain";
        await http.Response.StartAsync(http.RequestAborted);
        try
        {
            while (true)
            {
                var lines = Lines(pod);
                foreach (var line in lines.Skip(from))
                {
                    await http.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(line + "\n"), http.RequestAborted);
                }

                await http.Response.Body.FlushAsync(http.RequestAborted);
                from = lines.Count;
                if (!follow)
                {
                    return;
                }

                await Task.Delay(Look, TimeProvider.System, http.RequestAborted);
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody follows any more.
        }
    }

    private IReadOnlyList<string> Lines(Stored pod)
    {
        if (!_lines.TryGetValue(pod.Json.Text("metadata", "uid")!, out var lines))
        {
            return [];
        }

        lock (lines)
        {
            return [.. lines];
        }
    }
}
