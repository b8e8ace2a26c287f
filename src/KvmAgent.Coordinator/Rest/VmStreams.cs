using System.Net.WebSockets;
using System.Text.Json;
using KvmAgent.Contracts.Link;
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
    private const string AllProviders = "all_providers", Namespace = "namespace", AllNamespaces = "all_namespaces", TakeOver = "take_over";
    private const int LongestReason = 123;

    /// <summary>KubeVirt's own words for a screen that somebody has: a part of a 500's message.</summary>
    private const string KubeVirtInUse = "Active VNC connection";

    /// <summary>Idle sessions live behind proxies, and dead ones end.</summary>
    private static readonly TimeSpan PingEvery = TimeSpan.FromSeconds(15), PongLimit = TimeSpan.FromSeconds(60);

    private static readonly (string Name, string Description) TakeOverParameter =
        (TakeOver, "`true`: from whoever has it now. Otherwise it is refused then, with the close code 4409.");

    private static readonly (string Name, string Description) SessionParameter =
        (StreamVerbs.Session, "A name that the client chooses by chance, the same for all its channels: they do not take over from one another.");

    private readonly VmScopes _scopes = new(providers, access);

    public IEnumerable<RestRoute> All(string root, string one) =>
    [
        RestRoute.Stream($"{root}/watch", "Tells each change of machines: first the event `open`, then `vm` with a VmChange as its data.", ServerEvents.Media, WatchAsync) with
        {
            Query =
            [
                Provider.Parameter,
                (AllProviders, "`true`: those of all providers that may be used, as far as the rights reach."),
                (Namespace, "Without it the provider's."),
                (AllNamespaces, "`true`: those of all namespaces."),
            ],
        },
        Socket("console", "A machine's serial console, as a WebSocket."),
        Socket("vnc", "A machine's screen by the RFB protocol, as a WebSocket."),
        Socket(StreamKinds.Spice, "A channel of a machine's SPICE screen, where it has one, as a WebSocket.") with { Query = [Provider.Parameter, TakeOverParameter, SessionParameter] },
    ];

    private async Task WatchAsync(RestRequest request)
    {
        var place = PlaceOf(request);
        var (scopes, _) = await _scopes.OfAsync(request, place, known: false).ConfigureAwait(false);
        using var feed = new VmFeed([.. scopes.Select(static s => s.Source)]);
        var response = request.Http.Response;
        ServerEvents.Begin(response);
        await ServerEvents.SendAsync(response, VmChange.OpenEventName, "{}", request.Cancel).ConfigureAwait(false);
        var looked = time.GetTimestamp();
        while (true)
        {
            var news = await feed.ReadAsync(ServerEvents.Beat, time, request.Cancel).ConfigureAwait(false);
            if (time.GetElapsedTime(looked) >= ServerEvents.Beat)
            {
                if (!await _scopes.IsStillSoAsync(request, place, scopes).ConfigureAwait(false))
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

    private static VmPlace PlaceOf(RestRequest request)
    {
        bool Is(string name) => request.Query(name) == "true";
        return new VmPlace(request.Query(Provider.Parameter.Name), Is(AllProviders), request.Query(Namespace), Is(AllNamespaces));
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
            throw new CoordinatorException(FailureReason.BadRequest, $"{verb} is a WebSocket of the protocol {StreamProtocols.Plain}; ask for an upgrade");
        }

        var path = SubresourceApi.PathOf(Kinds.VirtualMachineInstances.Plural, key, verb) + QueryOf(request);
        var (machine, refusal) = await DialAsync(provider.ClientFor(request.Caller), path, request.Cancel).ConfigureAwait(false);
        using (machine)
        {
            using var client = await sockets.AcceptWebSocketAsync(new WebSocketAcceptContext
            {
                SubProtocol = sockets.WebSocketRequestedProtocols.FirstOrDefault(p => p == StreamProtocols.Plain || (p == StreamProtocols.Binary && verb == StreamKinds.Spice)),
                KeepAliveInterval = PingEvery,
                KeepAliveTimeout = PongLimit,
            }).ConfigureAwait(false);
            await (machine is not null
                ? SocketPump.RunAsync(client, machine, request.Cancel)
                : client.CloseAsync((WebSocketCloseStatus)(StreamCloses.Refused + refusal!.Value.Code), Shorten(refusal.Value.Message), request.Cancel)).ConfigureAwait(false);
        }
    }

    private static string QueryOf(RestRequest request)
    {
        var preserve = request.Query(TakeOver) == "true" ? "false" : "true";
        return $"?{StreamVerbs.PreserveSession}={preserve}{(request.Query(StreamVerbs.Session) is { } session ? $"&{StreamVerbs.Session}={Uri.EscapeDataString(session)}" : "")}";
    }

    private static async Task<(WebSocket? Machine, (int Code, string Message)? Refusal)> DialAsync(KubernetesClient client, string path, CancellationToken cancel)
    {
        try
        {
            return (await client.ConnectAsync(path, StreamProtocols.Plain, cancel).ConfigureAwait(false), null);
        }
        catch (KubernetesException e) when (e.Status.Message?.Contains(KubeVirtInUse, StringComparison.Ordinal) == true)
        {
            return (null, (StatusCodes.Status409Conflict, "the screen is in use by another client"));
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
