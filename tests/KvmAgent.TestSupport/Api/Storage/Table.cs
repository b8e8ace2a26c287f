namespace KvmAgent.TestSupport.Api;

internal enum ChangeKind
{
    Added,
    Modified,
    Deleted,
}

/// <summary>One step of a kind's history.</summary>
/// <param name="Object">After it; of a deletion, the last state with the deletion's resourceVersion.</param>
internal sealed record Change(ChangeKind Kind, Stored Object, Stored? Before)
{
    private Stored? _left;

    public long Version => Object.Version;

    /// <summary>For watches whose selector the object no longer meets: as it was, at this change's resourceVersion.</summary>
    public Stored Left => Kind == ChangeKind.Deleted ? Object : _left ??= new Stored(Before!.Json.Clone(), Version);
}

/// <summary>The objects of one kind, by namespace and name, with the last changes of them and those who watch. Guarded by the world's lock.</summary>
internal sealed class Table
{
    private readonly SortedDictionary<string, SortedDictionary<string, Stored>> _objects = new(StringComparer.Ordinal);
    private readonly List<Change> _history = [];

    public int Count { get; private set; }

    /// <summary>What was at resourceVersions before this one is forgotten.</summary>
    public long Compacted { get; private set; }

    public List<Watcher> Watchers { get; } = [];

    public Stored? Find(string ns, string name) =>
        _objects.TryGetValue(ns, out var names) && names.TryGetValue(name, out var stored) ? stored : null;

    /// <param name="ns">Null: of all namespaces.</param>
    public IEnumerable<Stored> All(string? ns)
    {
        if (ns is null)
        {
            return _objects.Values.SelectMany(static names => names.Values);
        }

        return _objects.TryGetValue(ns, out var objects) ? objects.Values : [];
    }

    /// <summary>All objects as they were; the caller has looked at <see cref="Compacted"/>.</summary>
    public IEnumerable<Stored> AllAt(string? ns, long version)
    {
        var first = FirstAfter(version);
        if (first == _history.Count)
        {
            return All(ns);
        }

        var then = new SortedDictionary<(string, string), Stored>(All(null).ToDictionary(static o => (o.Namespace, o.Name)), Comparer);
        for (var i = _history.Count - 1; i >= first; i--)
        {
            var change = _history[i];
            then.Remove((change.Object.Namespace, change.Object.Name));
            if (change.Before is { } before)
            {
                then[(before.Namespace, before.Name)] = before;
            }
        }

        return then.Values.Where(o => ns is null || o.Namespace == ns);
    }

    public IEnumerable<Change> Since(long version) => _history.Skip(FirstAfter(version));

    public void Apply(Change change, int keep)
    {
        var names = _objects.GetValueOrDefault(change.Object.Namespace);
        if (names is null)
        {
            names = new(StringComparer.Ordinal);
            _objects[change.Object.Namespace] = names;
        }

        if (change.Kind == ChangeKind.Deleted)
        {
            names.Remove(change.Object.Name);
            Count--;
            if (names.Count == 0)
            {
                _objects.Remove(change.Object.Namespace);
            }
        }
        else
        {
            names[change.Object.Name] = change.Object;
            Count += change.Kind == ChangeKind.Added ? 1 : 0;
        }

        _history.Add(change);
        if (_history.Count >= 2 * Math.Max(keep, 1))
        {
            Forget(_history.Count - keep);
        }
    }

    public void Compact(long version)
    {
        Forget(FirstAfter(version));
        Compacted = Math.Max(Compacted, version);
    }

    private static Comparer<(string, string)> Comparer { get; } = Comparer<(string Ns, string Name)>.Create(static (a, b) =>
        string.CompareOrdinal(a.Ns, b.Ns) is not 0 and var order ? order : string.CompareOrdinal(a.Name, b.Name));

    private void Forget(int count)
    {
        if (count > 0)
        {
            Compacted = _history[count - 1].Version;
            _history.RemoveRange(0, count);
        }
    }

    private int FirstAfter(long version)
    {
        int low = 0, high = _history.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _history[middle].Version > version ? (low, middle) : (middle + 1, high);
        }

        return low;
    }
}
