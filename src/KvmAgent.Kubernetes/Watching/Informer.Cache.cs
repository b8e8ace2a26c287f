using System.Globalization;

namespace KvmAgent.Kubernetes;

/// <summary>The informer's memory, and who is told of its changes.</summary>
public sealed partial class Informer<T>
{
    private readonly Lock _gate = new();
    private readonly ObjectCache<T> _cache;
    private readonly Queue<InformerEvent<T>> _untold = new();

    private bool _isStarted;
    private bool _isTelling;

    /// <summary>One after the other, in order, on whatever thread; the cache may already be further. What a handler throws is logged.</summary>
    public event Action<InformerEvent<T>>? Changed;

    /// <param name="keys">Under which an object is found; must always say the same of the same object.</param>
    public void AddIndex(string index, Func<T, IEnumerable<string>> keys)
    {
        lock (_gate)
        {
            if (_isStarted)
            {
                throw new InvalidOperationException($"the informer of {_kind.Plural} runs already; add the index \"{index}\" before");
            }

            _cache.AddIndex(index, keys);
        }
    }

    public T? Get(string? ns, string name)
    {
        byte[]? kept;
        lock (_gate)
        {
            kept = _cache.Find(new ObjectKey(ns, name));
        }

        return kept is null ? null : _cache.Read(kept);
    }

    /// <summary>All, as they are now; each is made when it comes to it: thousands at once would be most of what the cache saves.</summary>
    public IEnumerable<T> List()
    {
        IReadOnlyList<byte[]> all;
        lock (_gate)
        {
            all = _cache.All();
        }

        return all.Select(_cache.Read);
    }

    public IReadOnlyList<T> ByIndex(string index, string key)
    {
        IReadOnlyList<byte[]> found;
        lock (_gate)
        {
            found = _cache.ByIndex(index, key);
        }

        return [.. found.Select(_cache.Read)];
    }

    /// <summary>How many <see cref="ByIndex"/> has; none of them is made for it.</summary>
    public int CountByIndex(string index, string key)
    {
        lock (_gate)
        {
            return _cache.ByIndex(index, key).Count;
        }
    }

    /// <summary>
    /// Puts a write's answer in at once. Not where the watch has come as far: then the cache has it, or something newer, or its deletion.
    /// An object that the selectors do not match must not be given: no event would take it out again before the next list.
    /// </summary>
    public void Observe(T obj)
    {
        lock (_gate)
        {
            var key = ObjectKey.Of(obj);
            if (_scopes.FirstOrDefault(s => s.Has(key)) is not { } scope || !IsNewer(obj.Metadata.ResourceVersion, scope.Seen))
            {
                return;
            }

            var cached = _cache.Get(key);
            if (cached is not null && !IsNewer(Version(obj), Version(cached)))
            {
                return;
            }

            if (scope.IsListing)
            {
                scope.Observed.Add(key);
            }

            Put(obj, cached);
        }

        Tell();
    }

    /// <summary>
    /// Reads one object anew, as if a watch had told it. Where the server has none it is taken out, unless it came in meanwhile; and where the watch
    /// may have told its end already it is looked for once more.
    /// </summary>
    /// <exception cref="KubernetesException">The server refuses.</exception>
    /// <exception cref="HttpRequestException">It does not answer.</exception>
    public async Task RefreshAsync(string? ns, string name, CancellationToken ct)
    {
        var key = new ObjectKey(ns, name);
        if (_scopes.FirstOrDefault(s => s.Has(key)) is not { } scope)
        {
            return;
        }

        for (var isSure = false; !isSure;)
        {
            var known = Kept(key);
            var now = await _client.FindAsync(_kind, ns, name, ct).ConfigureAwait(false);
            lock (_gate)
            {
                var cached = _cache.Get(key);
                isSure = true;
                if (now is null)
                {
                    if (cached is not null && known is not null && Version(cached) == Version(known))
                    {
                        Remove(cached, cached);
                    }
                }
                else if (cached is null ? known is null : IsNewer(Version(now), Version(cached)))
                {
                    isSure = cached is not null || IsNewer(Version(now), scope.Seen);
                    Put(now, cached);
                }
            }

            Tell();
        }
    }

    private T? Kept(ObjectKey key)
    {
        lock (_gate)
        {
            return _cache.Get(key);
        }
    }

    private void BeginListing(Scope scope)
    {
        lock (_gate)
        {
            scope.Observed.Clear();
            scope.IsListing = true;
        }
    }

    /// <summary>
    /// The list is the truth, but for what was written since it was asked for. Each page is put in as it comes: thousands of objects at once
    /// would be far more than the cache makes of them. What is missing in all of them is gone; see <see cref="EndListing"/>.
    /// </summary>
    private void TakePage(Scope scope, ResourceList<T> page, bool isFirst)
    {
        lock (_gate)
        {
            if (isFirst)
            {
                scope.Listed.Clear();
            }

            foreach (var obj in page.Items)
            {
                var key = ObjectKey.Of(obj);
                var cached = _cache.Get(key);
                if (scope.Listed.Add(key) && !IsWrittenSince(scope, key, cached, page.Metadata.ResourceVersion))
                {
                    Put(obj, cached);
                }
            }
        }

        Tell();
    }

    private void EndListing(Scope scope, string? version)
    {
        lock (_gate)
        {
            foreach (var key in _cache.Keys().Where(key => scope.Has(key) && !scope.Listed.Contains(key)))
            {
                var cached = _cache.Get(key)!;
                if (!IsWrittenSince(scope, key, cached, version))
                {
                    Remove(cached, cached);
                }
            }

            (scope.Seen, scope.IsListing) = (version, false);
            scope.Listed.Clear();
            scope.Listed.TrimExcess();
            scope.Observed.Clear();
            scope.Observed.TrimExcess();
        }

        Tell();
    }

    /// <returns>Whether the list cannot have what the cache has.</returns>
    private static bool IsWrittenSince(Scope scope, ObjectKey key, T? cached, string? version) =>
        scope.Observed.Contains(key) && cached is not null && IsNewer(Version(cached), version);

    private void Take(Scope scope, WatchEvent<T> e)
    {
        lock (_gate)
        {
            scope.Seen = e.ResourceVersion ?? scope.Seen;
            var cached = e.Object is null ? null : _cache.Get(ObjectKey.Of(e.Object));
            // An answer that was observed may be ahead of the watch; then what the watch tells is old.
            if (e.Object is { } obj && !(cached is not null && IsNewer(Version(cached), Version(obj))))
            {
                if (e.Type != WatchEventType.Deleted)
                {
                    Put(obj, cached);
                }
                else if (cached is not null)
                {
                    Remove(obj, cached);
                }
            }
        }

        Tell();
    }

    private void Put(T obj, T? old)
    {
        obj = _options.Transform?.Invoke(obj) ?? obj;
        if (old is not null && Version(old) == Version(obj) && old.Metadata.Uid == obj.Metadata.Uid)
        {
            return;
        }

        _cache.Set(obj, old);
        _untold.Enqueue(new InformerEvent<T>(old is null ? InformerEventKind.Added : InformerEventKind.Modified, obj, old));
    }

    private void Remove(T last, T old)
    {
        _cache.Remove(ObjectKey.Of(last), old);
        _untold.Enqueue(new InformerEvent<T>(InformerEventKind.Deleted, _options.Transform?.Invoke(last) ?? last, old));
    }

    /// <summary>
    /// Outside the lock, so that a handler may call anything here. While one thread tells, the others leave their events to it: also a handler
    /// that observes something.
    /// </summary>
    private void Tell()
    {
        lock (_gate)
        {
            if (_isTelling)
            {
                return;
            }

            _isTelling = true;
        }

        while (true)
        {
            InformerEvent<T>? next;
            lock (_gate)
            {
                if (!_untold.TryDequeue(out next))
                {
                    _isTelling = false;
                    return;
                }
            }

            try
            {
                Changed?.Invoke(next);
            }
#pragma warning disable CA1031 // Somebody else's bug must not stop the watch.
            catch (Exception e)
#pragma warning restore CA1031
            {
                InformerLog.HandlerFailed(_logger, _kind.Plural, e);
            }
        }
    }

    private static string? Version(T obj) => obj.Metadata.ResourceVersion;

    /// <summary>The API calls resourceVersions opaque; in truth they are one counter. Where they are not, the watch alone is believed.</summary>
    private static bool IsNewer(string? version, string? than) => Number(version) > Number(than);

    private static ulong? Number(string? version) =>
        ulong.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
