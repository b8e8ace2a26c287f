using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Hosting;

/// <summary>One address with paths of its own: what is mapped on one is not there on another.</summary>
internal static class Listener
{
    private const int MostHeaders = 64 << 10;
    private static readonly TimeSpan HandshakeLimit = TimeSpan.FromSeconds(5);

    /// <param name="current">Asked for each connection: certificates rotate.</param>
    /// <param name="isTrusted">Whether a client's certificate is believed. Null: clients need none.</param>
    public static Func<SslServerAuthenticationOptions> Tls(Func<SslStreamCertificateContext> current, Func<X509Certificate2, bool>? isTrusted = null) => () => new()
    {
        ServerCertificateContext = current(),
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        ClientCertificateRequired = isTrusted is not null,
        RemoteCertificateValidationCallback = isTrusted is null ? null : (_, certificate, _, _) => certificate is X509Certificate2 shown && isTrusted(shown),
        // Whoever shows a certificate is looked at each time.
        AllowTlsResume = isTrusted is null,
    };

    /// <param name="tls">Asked for each connection. Null: plain HTTP.</param>
    /// <param name="gate">What each request goes through first; it answers those itself that it does not hand on.</param>
    /// <returns>The running listener and the address that it got.</returns>
    /// <exception cref="CoordinatorException">The address cannot be had.</exception>
    public static async Task<(WebApplication Application, IPEndPoint Bound)> StartAsync(
        IPEndPoint endpoint, Func<SslServerAuthenticationOptions>? tls, Action<IEndpointRouteBuilder> map, ILoggerFactory logs, CancellationToken cancel,
        Func<HttpContext, RequestDelegate, Task>? gate = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(logs);
        builder.Services.AddRoutingCore();
        // Nothing here blocks a thread; and a message that is handed from queue to queue wakes a thread for each.
        builder.WebHost.UseKestrelCore().UseSockets(static sockets => sockets.UnsafePreferInlineScheduling = true).ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestHeadersTotalSize = MostHeaders;
            kestrel.Listen(endpoint, listen =>
            {
                if (tls is not null)
                {
                    HandshakeGate.Around(
                        listen,
                        TimeProvider.System,
                        () => listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(tls()), HandshakeTimeout = HandshakeLimit }));
                    TlsBuffers.Around(listen, logs.CreateLogger("kvm-coordinator"));
                    Handover.Around(listen);
                }
            });
        }).UseKestrelHttpsConfiguration();
        var application = builder.Build();
        application.UseWebSockets();
        if (gate is not null)
        {
            application.Use(gate);
        }

        application.UseRouting();
        map(application);
        try
        {
            await application.StartAsync(cancel).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            await application.DisposeAsync().ConfigureAwait(false);
            throw new CoordinatorException(FailureReason.Settings, $"cannot listen on {endpoint}: {e.Message}; give another address", e);
        }

        var address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return (application, new IPEndPoint(endpoint.Address, new Uri(address).Port));
    }
}
