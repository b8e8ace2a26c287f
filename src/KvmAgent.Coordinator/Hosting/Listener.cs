using System.Net;
using System.Net.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Hosting;

/// <summary>One address with paths of its own: what is mapped on one is not there on another.</summary>
internal static class Listener
{
    private const int MostHeaders = 64 << 10;

    /// <param name="tls">Asked for each connection. Null: plain HTTP.</param>
    /// <returns>The running listener and the address that it got.</returns>
    /// <exception cref="CoordinatorException">The address cannot be had.</exception>
    public static async Task<(WebApplication Application, IPEndPoint Bound)> StartAsync(
        IPEndPoint endpoint, Func<SslServerAuthenticationOptions>? tls, Action<IEndpointRouteBuilder> map, ILoggerFactory logs, CancellationToken cancel)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(logs);
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestHeadersTotalSize = MostHeaders;
            kestrel.Listen(endpoint, listen =>
            {
                if (tls is not null)
                {
                    listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(tls()) });
                }
            });
        }).UseKestrelHttpsConfiguration();
        var application = builder.Build();
        application.UseWebSockets();
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
