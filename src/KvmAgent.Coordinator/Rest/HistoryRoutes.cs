using System.Globalization;
using System.Text.Json;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.History;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Coordinator.Store;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Rest;

/// <summary>
/// <c>/kubevirt/events</c>: what has happened to machines of the coordinator's own cluster, for who may list them. It is read of the database by whoever
/// asks, in its own time: a slow reader holds nobody up, and one that comes back says the last id that it has.
/// </summary>
/// <param name="records">Null: there is no database.</param>
internal sealed class HistoryRoutes(ProviderSet providers, IAccess access, RecordStore? records, HistoryNews news, TimeProvider time)
{
    private const string Root = "/kubevirt/events", Events = "events";
    private const int UsualLimit = 100, MostLimit = 1000;

    /// <summary>What another replica writes is found then.</summary>
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    private static readonly (string Name, string Description)[] Scope =
    [
        ("namespace", "Without it the usual one."), ("all_namespaces", "`true`: of all namespaces."), ("name", "Of this machine alone."),
        ("type", $"Of this type alone: {string.Join(", ", HistoryTypes.All)}."), ("since", "That happened then or later: RFC 3339."),
    ];

    private readonly VmScopes _scopes = new(providers, access);

    public IReadOnlyList<RestRoute> All =>
    [
        RestRoute.Of(HttpMethods.Get, Root, "Tells what happened to machines: the newest, or those behind an id, in the order in which they were written.", RestJson.Strict.HistoryList, ListAsync) with
        {
            Query = [.. Scope, ("until", "That happened before: RFC 3339."), ("after", "Those with greater ids, the oldest first."), ("limit", $"How many at most, from 1 to {MostLimit}; {UsualLimit} without it.")],
        },
        RestRoute.Stream($"{Root}/watch", "Tells what happens to machines: first the event `open`, then `happened` with a HistoryEvent as its data; with Last-Event-ID also what happened since that.", ServerEvents.Media, WatchAsync) with
        {
            Query = [.. Scope, ("after", $"As {ServerEvents.LastId}, for who cannot send that.")],
        },
    ];

    private async Task<HistoryList> ListAsync(RestRequest request)
    {
        var store = records.Demand(Events);
        var query = (await QueryAsync(request).ConfigureAwait(false)).Query with
        {
            Until = Time(request, "until"),
            After = Number(request.Query("after"), "after"),
        };
        var (last, found) = await store.ReadAsync(
            async session => ((await HistoryTable.EndsAsync(session).ConfigureAwait(false)).Last, await HistoryTable.FindAsync(session, query).ConfigureAwait(false)), request.Cancel).ConfigureAwait(false);
        return new HistoryList(found, query.After is not null && found.Count == query.Limit ? found[^1].Id : null, Math.Max(last, found is [.., var newest] ? newest.Id : 0), time.GetUtcNow());
    }

    private async Task WatchAsync(RestRequest request)
    {
        var store = records.Demand(Events);
        var (usual, place, scope) = await QueryAsync(request).ConfigureAwait(false);
        var query = usual with { Limit = MostLimit };
        var asked = Number(request.Http.Request.Headers[ServerEvents.LastId].ToString() is { Length: > 0 } header ? header : request.Query("after"), ServerEvents.LastId);
        var (last, pruned) = await store.ReadAsync(HistoryTable.EndsAsync, request.Cancel).ConfigureAwait(false);
        var response = request.Http.Response;
        ServerEvents.Begin(response);
        var after = asked ?? last;
        await ServerEvents.SendAsync(response, HistoryStream.Open, Position(after), request.Cancel, asked is null ? after : null).ConfigureAwait(false);
        if (after < pruned || after > last)
        {
            // Of the latter another database has told.
            after = after < pruned ? pruned : 0;
            await ServerEvents.SendAsync(response, HistoryStream.Gap, Position(after), request.Cancel).ConfigureAwait(false);
        }

        try
        {
            await FollowAsync(request, store, query, after, () => _scopes.IsStillSoAsync(request, place, [scope])).ConfigureAwait(false);
        }
        catch (CoordinatorException)
        {
            // The database is away: who dials again hears it, and goes on where it was later.
        }
    }

    /// <summary>Until the caller goes, or may no more.</summary>
    private async Task FollowAsync(RestRequest request, RecordStore store, HistoryQuery query, long after, Func<Task<bool>> isStillSo)
    {
        var response = request.Http.Response;
        var (told, looked) = (time.GetTimestamp(), time.GetTimestamp());
        while (true)
        {
            var next = news.Next;
            // Those that the caller does not ask for are passed over, too: the place is where all of them are.
            var (last, _) = await store.ReadAsync(HistoryTable.EndsAsync, request.Cancel).ConfigureAwait(false);
            var found = last > after ? await store.ReadAsync(session => HistoryTable.FindAsync(session, query with { After = after }), request.Cancel).ConfigureAwait(false) : [];
            foreach (var happened in found)
            {
                await ServerEvents.SendAsync(response, HistoryStream.Happened, JsonSerializer.Serialize(happened, RestJson.Default.HistoryEvent), request.Cancel, happened.Id).ConfigureAwait(false);
            }

            after = found.Count == query.Limit ? found[^1].Id : Math.Max(last, found is [.., var newest] ? newest.Id : after);
            if (time.GetElapsedTime(looked) >= ServerEvents.Beat)
            {
                if (!await isStillSo().ConfigureAwait(false))
                {
                    return;
                }

                looked = time.GetTimestamp();
            }

            if (found.Count > 0)
            {
                told = time.GetTimestamp();
            }
            else if (time.GetElapsedTime(told) >= ServerEvents.Beat)
            {
                await ServerEvents.BeatAsync(response, request.Cancel, after).ConfigureAwait(false);
                told = time.GetTimestamp();
            }

            if (found.Count < query.Limit)
            {
                await Task.WhenAny(next, Task.Delay(LookEvery, time, request.Cancel)).ConfigureAwait(false);
                request.Cancel.ThrowIfCancellationRequested();
            }
        }
    }

    /// <summary>With leave to list machines there.</summary>
    private async Task<(HistoryQuery Query, VmPlace Place, VmScope Scope)> QueryAsync(RestRequest request)
    {
        var (place, type) = (new VmPlace(null, AllProviders: false, request.Query("namespace"), request.Query("all_namespaces") == "true"), request.Query("type"));
        place.Demand();
        if (type is not null && !HistoryTypes.All.Contains(type))
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"type=\"{type}\" is not known; give {string.Join(", ", HistoryTypes.All)}");
        }

        var scope = (await _scopes.OfAsync(request, place, known: false).ConfigureAwait(false)).Seen.Single();
        var limit = Number(request.Query("limit"), "limit") ?? UsualLimit;
        return limit is >= 1 and <= MostLimit
            ? (new HistoryQuery((int)limit) { Namespace = scope.Namespace, Name = request.Query("name"), Type = type, Since = Time(request, "since") }, place, scope)
            : throw new CoordinatorException(FailureReason.BadRequest, $"limit={limit} is not possible; give a number from 1 to {MostLimit}, or nothing for {UsualLimit}");
    }

    private static string Position(long after) => JsonSerializer.Serialize(new HistoryPosition(after), RestJson.Default.HistoryPosition);

    private static long? Number(string? text, string name) => text is null ? null
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
        : throw new CoordinatorException(FailureReason.BadRequest, $"{name}=\"{text}\" is no whole number; give one");

    private static DateTimeOffset? Time(RestRequest request, string name) => request.Query(name) is not { } text ? null
        : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at
        : throw new CoordinatorException(FailureReason.BadRequest, $"{name}=\"{text}\" is no time; give one by RFC 3339, such as 2026-01-31T12:00:00Z");
}
