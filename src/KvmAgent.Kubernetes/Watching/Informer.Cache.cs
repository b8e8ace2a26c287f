using System.Globalization;

namespace KvmAgent.Kubernetes;

/// <summary>The informer's memory, and who is told of its changes.</summary>
public sealed partial class Informer<T>
{
    private readonly Lock _gate = new();
    private readonly ObjectCache<T> _cache = new();
    private readonly Queue<InformerEvent<T>> _untold = new();

    /// <summary>Observed since the list was asked for: the list need not have it yet.</summary>
    private readonly HashSet<ObjectKey> _observed = [];

    /// <summary>How far the list and the watch are.</summary>
    private string? _seen;

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
        lock (_gate)
        {
            return _cache.Get(new ObjectKey(ns, name));
        }
    }

    public IReadOnlyCollection<T> List()
    {
        lock (_gate)
        {
            return _cache.All();
        }
    }

    public IReadOnlyList<T> ByIndex(string index, string key)
    {
        lock (_gate)
        {
            return _cache.ByIndex(index, key);
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
            if ((_namespace is not null && key.Namespace != _namespace) || !IsNewer(obj.Metadata.ResourceVersion, _seen)
                || (_cache.Get(key) is { } cached && !IsNewer(Version(obj), Version(cached))))
            {
                return;
            }

            _observed.Add(key);
            Put(obj);
        }

        Tell();
    }

    private void BeginListing()
    {
        lock (_gate)
        {
            _observed.Clear();
        }
    }

    /// <summary>The list is the truth, but for what was written since it was asked for.</summary>
    private void Replace(ResourceList<T> list)
    {
        lock (_gate)
        {
            var version = list.Metadata.ResourceVersion;
            _observed.RemoveWhere(key => _cache.Get(key) is not { } written || !IsNewer(Version(written), version));
            var listed = new HashSet<ObjectKey>();
            foreach (var obj in list.Items)
            {
                if (listed.Add(ObjectKey.Of(obj)) && !_observed.Contains(ObjectKey.Of(obj)))
                {
                    Put(obj);
                }
            }

            foreach (var key in _cache.Names().Where(key => !listed.Contains(key) && !_observed.Contains(key)))
            {
                Remove(_cache.Get(key)!);
            }

            _seen = version;
        }

        Tell();
    }

    private void Take(WatchEvent<T> e)
    {
        lock (_gate)
        {
            _seen = e.ResourceVersion ?? _seen;
            var cached = e.Object is null ? null : _cache.Get(ObjectKey.Of(e.Object));
            // An answer that was observed may be ahead of the watch; then what the watch tells is old.
            if (e.Object is { } obj && !(cached is not null && IsNewer(Version(cached), Version(obj))))
            {
                if (e.Type != WatchEventType.Deleted)
                {
                    Put(obj);
                }
                else if (cached is not null)
                {
                    Remove(obj);
                }
            }
        }

        Tell();
    }

    private void Put(T obj)
    {
        obj = _options.Transform?.Invoke(obj) ?? obj;
        var old = _cache.Get(ObjectKey.Of(obj));
        if (old is not null && Version(old) == Version(obj) && old.Metadata.Uid == obj.Metadata.Uid)
        {
            return;
        }

        _cache.Set(obj);
        _untold.Enqueue(new InformerEvent<T>(old is null ? InformerEventKind.Added : InformerEventKind.Modified, obj, old));
    }

    private void Remove(T last)
    {
        var key = ObjectKey.Of(last);
        var old = _cache.Get(key);
        _cache.Remove(key);
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
