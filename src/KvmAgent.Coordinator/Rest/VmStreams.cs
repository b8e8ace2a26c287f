using System.Net.WebSockets;
using System.Text.Json;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Inventory;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Coordinator.Subresources;
using KvmAgent.Kubernetes;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Rest;

/// <summary>
/// What of machines goes on: their changes, as server-sent events, and the screen and the serial console of one, as WebSockets. The latter are
/// the cluster's own subresources, dialled in the caller's name. Why one could not be had is told when the socket is open, by how it is
/// closed: a browser shows nothing of a refusal.
/// </summary>
internal sealed class VmStreams(ProviderSet providers, IAccess access, TimeProvider time)
{
    /// <summary>KubeVirt's: frames are the bytes.</summary>
    private const string Protocol = "plain.kubevirt.io";

    private const string Namespace = "namespace", AllNamespaces = "all_namespaces", TakeOver = "take_over";
    private const int LongestReason = 123;

    /// <summary>Idle sessions live behind proxies, and dead ones end.</summary>
    private static readonly TimeSpan PingEvery = TimeSpan.FromSeconds(15), PongLimit = TimeSpan.FromSeconds(60);

    private static readonly (string Name, string Description) TakeOverParameter =
        (TakeOver, "`true`: from whoever has it now. Otherwise it is refused then, with the close code 4409.");

    public IEnumerable<RestRoute> All(string root, string one) =>
    [
        RestRoute.Stream($"{root}/watch", "Tells each change of machines: first the event `open`, then `vm` with a VmChange as its data.", ServerEvents.Media, WatchAsync) with
        {
            Query = [Provider.Parameter, (Namespace, "Without it the provider's."), (AllNamespaces, "`true`: those of all namespaces.")],
        },
        Socket("console", "A machine's serial console, as a WebSocket."),
        Socket("vnc", "A machine's screen by the RFB protocol, as a WebSocket."),
    ];

    private async Task WatchAsync(RestRequest request)
    {
        var provider = await ProviderOfAsync(request).ConfigureAwait(false);
        var (all, asked) = (request.Query(AllNamespaces) == "true", request.Query(Namespace));
        if (all && asked is not null)
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"namespace=\"{asked}\" and all_namespaces exclude one another; give one of them");
        }

        var ns = all ? null : asked ?? provider.Namespace;
        await VmRoutes.DemandListAsync(access, request, provider, ns).ConfigureAwait(false);
        using var feed = new VmFeed(provider.Vms, ns);
        var response = request.Http.Response;
        ServerEvents.Begin(response);
        await ServerEvents.SendAsync(response, VmChange.OpenEventName, "{}", request.Cancel).ConfigureAwait(false);
        var looked = time.GetTimestamp();
        while (true)
        {
            var news = await feed.ReadAsync(ServerEvents.Beat, time, request.Cancel).ConfigureAwait(false);
            if (time.GetElapsedTime(looked) >= ServerEvents.Beat)
            {
                if (!await VmRoutes.IsStillAllowedAsync(access, request, () => ProviderOfAsync(request), ns).ConfigureAwait(false))
                {
                    return;
                }

                looked = time.GetTimestamp();
            }

            foreach (var change in news)
            {
                await ServerEvents.SendAsync(response, VmChange.EventName, JsonSerializer.Serialize(change, RestJson.Default.VmChange), request.Cancel).ConfigureAwait(false);
            }

            if (news.Count == 0)
            {
                await ServerEvents.BeatAsync(response, request.Cancel).ConfigureAwait(false);
            }
        }
    }

    /// <summary>With leave to use it, which is asked for anew each time.</summary>
    private Task<Provider> ProviderOfAsync(RestRequest request) =>
        providers.UseAsync(request.Caller, request.Query(Provider.Parameter.Name), Task.FromResult, request.Cancel);

    private RestRoute Socket(string verb, string summary) => RestRoute.Stream(VmRoutes.One + "/" + verb, summary, null, request => ConnectAsync(request, verb)) with
    {
        Query = [Provider.Parameter, TakeOverParameter],
    };

    private async Task ConnectAsync(RestRequest request, string verb)
    {
        var (provider, key, sockets) = (await ProviderOfAsync(request).ConfigureAwait(false), request.Machine, request.Http.WebSockets);
        if (!sockets.IsWebSocketRequest)
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"{verb} is a WebSocket of the protocol {Protocol}; ask for an upgrade");
        }

        var path = $"apis/{SubresourceApi.Group}/{SubresourceApi.Versions[0]}/namespaces/{key.Namespace}/{Kinds.VirtualMachineInstances.Plural}/{key.Name}/{verb}"
            + (request.Query(TakeOver) == "true" ? "" : "?preserveSession=true");
        var (machine, refusal) = await DialAsync(provider.ClientFor(request.Caller), path, request.Cancel).ConfigureAwait(false);
        using (machine)
        {
            using var client = await sockets.AcceptWebSocketAsync(new WebSocketAcceptContext
            {
                SubProtocol = sockets.WebSocketRequestedProtocols.Contains(Protocol) ? Protocol : null,
                KeepAliveInterval = PingEvery,
                KeepAliveTimeout = PongLimit,
            }).ConfigureAwait(false);
            await (machine is not null
                ? SocketPump.RunAsync(client, machine, request.Cancel)
                : client.CloseAsync((WebSocketCloseStatus)(StreamCloses.Refused + refusal!.Value.Code), Shorten(refusal.Value.Message), request.Cancel)).ConfigureAwait(false);
        }
    }

    private static async Task<(WebSocket? Machine, (int Code, string Message)? Refusal)> DialAsync(KubernetesClient client, string path, CancellationToken cancel)
    {
        try
        {
            return (await client.ConnectAsync(path, Protocol, cancel).ConfigureAwait(false), null);
        }
        catch (KubernetesException e)
        {
            return (null, (e.Code, e.Status.Message ?? e.Message));
        }
        catch (HttpRequestException e)
        {
            return (null, (StatusCodes.Status503ServiceUnavailable, e.Message));
        }
    }

    /// <summary>A close frame has room for so many bytes.</summary>
    private static string Shorten(string text)
    {
        var ascii = string.Concat(text.Select(static c => c is >= ' ' and <= '~' ? c : '?'));
        return ascii.Length <= LongestReason ? ascii : ascii[..(LongestReason - 3)] + "...";
    }
}
