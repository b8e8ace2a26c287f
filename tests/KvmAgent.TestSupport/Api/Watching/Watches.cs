using Microsoft.AspNetCore.Http;

namespace KvmAgent.TestSupport.Api;

/// <summary>All watches of the server: how they begin, are served and end.</summary>
internal sealed class Watches : IDisposable
{
    private readonly World _world;
    private readonly TestApiServerOptions _options;
    private readonly ITimer _bookmarks;

    public Watches(World world, TestApiServerOptions options)
    {
        (_world, _options) = (world, options);
        _bookmarks = options.TimeProvider.CreateTimer(_ => SendBookmarks(), null, options.BookmarkEvery, options.BookmarkEvery);
    }

    public int Count
    {
        get
        {
            lock (_world.Gate)
            {
                return _world.Types.Sum(static t => t.Table.Watchers.Count);
            }
        }
    }

    public Watcher Begin(ServedVersion version, string? ns, string? name, IReadOnlyDictionary<string, string> query)
    {
        var fields = name is null ? query.GetValueOrDefault("fieldSelector") : $"metadata.name={name}";
        var watcher = new Watcher(version, ns, Selector.Parse(version.Type, query.GetValueOrDefault("labelSelector"), fields))
        {
            Bookmarks = Query.IsTrue(query, "allowWatchBookmarks"),
        };
        Begin(watcher, version.Type, ns, query);
        return watcher;
    }

    public async Task ServeAsync(HttpContext http, Watcher watcher, ResourceType type, IReadOnlyDictionary<string, string> query)
    {
        try
        {
            using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
            using var timeout = query.TryGetValue("timeoutSeconds", out var seconds)
                ? _options.TimeProvider.CreateTimer(_ => watcher.Close(), null, TimeSpan.FromSeconds(Query.Integer("timeoutSeconds", seconds)), Timeout.InfiniteTimeSpan)
                : null;
            http.Response.ContentType = "application/json";
            await http.Response.StartAsync(end.Token);
            await http.Response.BodyWriter.FlushAsync(end.Token);
            while (await watcher.Events.WaitToReadAsync(end.Token))
            {
                while (watcher.Events.TryRead(out var next))
                {
                    next.Write(http.Response.BodyWriter);
                    if (http.Response.BodyWriter.UnflushedBytes > 256 * 1024)
                    {
                        await http.Response.BodyWriter.FlushAsync(end.Token);
                    }
                }

                await http.Response.BodyWriter.FlushAsync(end.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The client went.
        }
        finally
        {
            lock (_world.Gate)
            {
                type.Table.Watchers.Remove(watcher);
            }
        }
    }

    public void SendBookmarks()
    {
        ForEach(watcher =>
        {
            if (watcher.Bookmarks)
            {
                watcher.SendBookmark(_world.Version);
            }
        });
    }

    public void CloseAll() => ForEach(static watcher => watcher.Close());

    public void FailAll(ApiError error) => ForEach(watcher => watcher.Fail(error));

    public void Dispose() => _bookmarks.Dispose();

    private void ForEach(Action<Watcher> action)
    {
        lock (_world.Gate)
        {
            foreach (var watcher in _world.Types.SelectMany(static t => t.Table.Watchers))
            {
                action(watcher);
            }
        }
    }

    private void Begin(Watcher watcher, ResourceType type, string? ns, IReadOnlyDictionary<string, string> query)
    {
        var initial = query.TryGetValue("sendInitialEvents", out _) ? Query.IsTrue(query, "sendInitialEvents") : (bool?)null;
        if (initial is not null && !_options.WatchList)
        {
            throw ApiError.Invalid("meta.k8s.io", "ListOptions", "",
                [Cause.Forbidden("sendInitialEvents", "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled")]);
        }

        if (initial is null && query.GetValueOrDefault("resourceVersionMatch", "").Length > 0)
        {
            throw ApiError.Invalid("meta.k8s.io", "ListOptions", "",
                [Cause.Forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")]);
        }

        lock (_world.Gate)
        {
            var from = Query.ResourceVersion(query);
            if (initial ?? from == 0)
            {
                foreach (var stored in type.Table.All(ns))
                {
                    watcher.OfferInitial(stored);
                }

                if (initial == true && watcher.Bookmarks)
                {
                    watcher.SendBookmark(_world.Version, initialEnd: true);
                }
            }
            else if (from != 0 && from < type.Table.Compacted)
            {
                watcher.Fail(ApiError.Expired($"too old resource version: {from} ({type.Table.Compacted})"));
                return;
            }
            else if (from != 0)
            {
                foreach (var change in type.Table.Since(from))
                {
                    watcher.Offer(change);
                }
            }

            type.Table.Watchers.Add(watcher);
        }
    }
}
