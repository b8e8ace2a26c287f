using System.Collections.Concurrent;
using System.Net;
using System.Text;
using KvmAgent.Coordinator.Hosting;
using KvmAgent.Coordinator.Tests.Faults;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.Hosting;

/// <summary>A collector that knows OTLP's path and content type, and nothing else.</summary>
public sealed class TracingTests
{
    [Fact]
    public async Task Looks_at_machines_and_their_requests_reach_a_collector()
    {
        var received = new ConcurrentQueue<string>();
        var wrong = new ConcurrentQueue<string>();
        var (collector, endpoint) = await Listener.StartAsync(
            new IPEndPoint(IPAddress.Loopback, 0),
            null,
            routes =>
            {
                routes.MapPost("/v1/traces", async (HttpContext context) =>
                {
                    using var body = new MemoryStream();
                    await context.Request.Body.CopyToAsync(body);
                    (context.Request.ContentType == "application/x-protobuf" ? received : wrong).Enqueue(Encoding.Latin1.GetString(body.ToArray()));
                });
                routes.MapFallback((HttpContext context) => wrong.Enqueue($"{context.Request.Method} {context.Request.Path}"));
            },
            NullLoggerFactory.Instance,
            CancellationToken.None);
        await using (collector)
        {
            await using var cluster = await FaultCluster.StartAsync();
            using (Tracing.Start(new Uri($"http://{endpoint}/"), "replica-7"))
            {
                await cluster.CoordinateAsync();
                cluster.Apply("traced-machine");
                await cluster.RunningAsync("traced-machine");
            }

            wrong.ShouldBeEmpty();
            var all = string.Concat(received);
            foreach (var told in new[] { "kvm-coordinator", "replica-7", "look", "traced-machine", "http.request.method", "PATCH" })
            {
                all.ShouldContain(told);
            }
        }
    }

    [Fact]
    public void Without_an_endpoint_nothing_is_traced() => Tracing.Start(null, "replica").ShouldBeNull();
}
