using System.Globalization;
using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>
/// All there is, behind one lock: a request reads, decides and writes in one piece, and each watch sees changes in the order in which they
/// were made. Nothing waits while it holds the lock.
/// </summary>
internal sealed class World(TestApiServerOptions options)
{
    private readonly Dictionary<(string Group, string Plural), ResourceType> _types = BuiltInKinds.All().ToDictionary(static t => (t.Group, t.Plural));
    private readonly Dictionary<string, (ResourceType Type, Stored Object)> _byUid = [];
    private readonly Dictionary<string, HashSet<string>> _dependents = [];
    private readonly HashSet<string> _gone = [];

    public Lock Gate { get; } = new();

    public TimeSpan ClockSkew { get; set; }

    /// <summary>The one counter from which all resourceVersions come.</summary>
    public long Version { get; private set; } = 1;

    public IEnumerable<ResourceType> Types => _types.Values;

    public event Action<ResourceType, Change>? Changed;

    public DateTimeOffset Now => options.TimeProvider.GetUtcNow() + ClockSkew;

    public string Timestamp => Rfc3339(Now);

    public static string Rfc3339(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public ResourceType? Type(string group, string plural) => _types.GetValueOrDefault((group, plural));

    public ResourceType TypeOf(string group, string plural) => Type(group, plural)
        ?? throw new InvalidOperationException($"the server knows no {plural} of group \"{group}\"; apply its CustomResourceDefinition first");

    public ResourceType? TypeOfKind(string apiVersion, string kind)
    {
        var slash = apiVersion.IndexOf('/', StringComparison.Ordinal);
        var (group, version) = slash < 0 ? ("", apiVersion) : (apiVersion[..slash], apiVersion[(slash + 1)..]);
        return _types.Values.FirstOrDefault(t => t.Group == group && t.Kind == kind && t.Version(version) is not null);
    }

    public void Register(ResourceType type) => _types[(type.Group, type.Plural)] = type;

    public void Unregister(ResourceType type) => _types.Remove((type.Group, type.Plural));

    public (ResourceType Type, Stored Object)? ByUid(string uid) => _byUid.TryGetValue(uid, out var found) ? found : null;

    /// <summary>Whether an object with this uid was here and is not any more.</summary>
    public bool Gone(string uid) => _gone.Contains(uid);

    public IReadOnlyList<(ResourceType Type, Stored Object)> Dependents(string uid) =>
        _dependents.TryGetValue(uid, out var dependents) ? [.. dependents.Select(d => _byUid[d])] : [];

    /// <param name="after">Becomes the world's; the caller changes it no more.</param>
    public Stored Put(ResourceType type, Stored? before, JsonObject after)
    {
        var stored = new Stored(after, ++Version);
        Commit(type, new Change(before is null ? ChangeKind.Added : ChangeKind.Modified, stored, before));
        return stored;
    }

    public Stored Remove(ResourceType type, Stored before, JsonObject? last = null)
    {
        var stored = new Stored(last ?? before.Json.Clone(), ++Version);
        Commit(type, new Change(ChangeKind.Deleted, stored, before));
        return stored;
    }

    /// <summary>As by a write to something that nobody looks at.</summary>
    public void Advance() => Version++;

    public void CompactAll()
    {
        foreach (var type in Types)
        {
            type.Table.Compact(Version);
        }
    }

    private void Commit(ResourceType type, Change change)
    {
        Index(type, change);
        type.Table.Apply(change, options.WatchHistory);
        foreach (var watcher in type.Table.Watchers)
        {
            watcher.Offer(change);
        }

        Changed?.Invoke(type, change);
    }

    private void Index(ResourceType type, Change change)
    {
        var uid = change.Object.Uid;
        foreach (var owner in change.Before?.Owners ?? [])
        {
            if (owner.Text("uid") is { } ownerUid && _dependents.TryGetValue(ownerUid, out var dependents) && dependents.Remove(uid) && dependents.Count == 0)
            {
                _dependents.Remove(ownerUid);
            }
        }

        if (change.Kind == ChangeKind.Deleted)
        {
            _byUid.Remove(uid);
            _gone.Add(uid);
            return;
        }

        _byUid[uid] = (type, change.Object);
        foreach (var owner in change.Object.Owners)
        {
            if (owner.Text("uid") is { } ownerUid)
            {
                if (!_dependents.TryGetValue(ownerUid, out var dependents))
                {
                    _dependents[ownerUid] = dependents = [];
                }

                dependents.Add(uid);
            }
        }
    }
}
