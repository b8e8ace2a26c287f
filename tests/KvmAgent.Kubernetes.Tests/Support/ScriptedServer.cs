using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Kubernetes.Tests.Support;

/// <summary>What came in.</summary>
internal sealed record Asked(string Method, string Target, string? ContentType, string Body, string? Authorization, string? Certificate, string Host, string Protocol)
{
    public override string ToString() => $"{Method} {Target}";
}

/// <summary>A server of one test: each request is answered as the test says, and kept.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly List<Asked> _asked = [];
    private readonly WebApplication _app;

    private ScriptedServer(WebApplication app) => _app = app;

    public Func<Asked, HttpContext, Task> Answer { get; set; } = static (_, context) => context.Answer(500, "not scripted");

    public Uri Address => new(_app.Urls.Single());

    public IReadOnlyList<Asked> Asked
    {
        get
        {
            lock (_gate)
            {
                return [.. _asked];
            }
        }
    }

    /// <param name="pki">With TLS, and a client certificate where one is shown.</param>
    public static async Task<ScriptedServer> StartAsync(TestPki? pki = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            if (pki is not null)
            {
                listen.UseHttps(pki.Server, https =>
                {
                    https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
                    https.AllowAnyClientCertificate();
                });
            }
        }));
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(static host => host.ShutdownTimeout = TimeSpan.Zero);
        var app = builder.Build();
        var server = new ScriptedServer(app);
        app.UseWebSockets();
        app.Run(server.HandleAsync);
        await app.StartAsync();
        return server;
    }

    public KubernetesClient Client(KubernetesClientOptions? options = null, TimeProvider? time = null) =>
        new(KubernetesConnection.To(Address), time ?? TimeProvider.System, options);

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task HandleAsync(HttpContext context)
    {
        var request = context.Request;
        using var body = new StreamReader(request.Body, Encoding.UTF8);
        var asked = new Asked(
            request.Method,
            context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget,
            request.ContentType,
            await body.ReadToEndAsync(context.RequestAborted),
            request.Headers.Authorization.FirstOrDefault(),
            (await context.Connection.GetClientCertificateAsync())?.Subject,
            request.Host.Value ?? "",
            request.Protocol);
        lock (_gate)
        {
            _asked.Add(asked);
        }

        try
        {
            await Answer(asked, context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
        }
    }
}

internal static class Answers
{
    public static async Task Answer(this HttpContext context, int code, string body, string type = "application/json")
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = type;
        await context.Response.WriteAsync(body, context.RequestAborted);
    }

    public static Task Fail(this HttpContext context, int code, string reason, string message = "so it is") =>
        context.Answer(code, $$"""{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"{{message}}","reason":"{{reason}}","code":{{code}}}""");

    /// <summary>One line of a watch, sent at once.</summary>
    public static async Task Send(this HttpContext context, string line)
    {
        await context.Response.WriteAsync(line + "\n", context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }

    /// <summary>Stays open until the client goes.</summary>
    public static Task Hang(this HttpContext context) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
}
