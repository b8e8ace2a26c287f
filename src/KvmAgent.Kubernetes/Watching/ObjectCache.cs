using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes;

/// <summary>Namespace (null for what has none) and name.</summary>
internal readonly record struct ObjectKey(string? Namespace, string Name)
{
    public static ObjectKey Of(IKubernetesObject obj) => new(obj.Metadata.Namespace, obj.Metadata.Name ?? "");
}

/// <summary>Objects by name and by indexes. Not for several threads.</summary>
internal sealed class ObjectCache<T>
    where T : class, IKubernetesObject
{
    private readonly Dictionary<ObjectKey, T> _objects = [];
    private readonly Dictionary<string, (Func<T, IEnumerable<string>> Keys, Dictionary<string, HashSet<ObjectKey>> Names)> _indexes = [];

    public void AddIndex(string index, Func<T, IEnumerable<string>> keys) => _indexes.Add(index, (keys, []));

    public T? Get(ObjectKey key) => _objects.GetValueOrDefault(key);

    public IReadOnlyList<T> All() => [.. _objects.Values];

    public IReadOnlyList<ObjectKey> Names() => [.. _objects.Keys];

    public IReadOnlyList<T> ByIndex(string index, string key) =>
        _indexes.TryGetValue(index, out var found)
            ? found.Names.TryGetValue(key, out var names) ? [.. names.Select(name => _objects[name])] : []
            : throw new ArgumentException($"there is no index \"{index}\"; add it before the informer runs", nameof(index));

    public void Set(T obj)
    {
        var key = ObjectKey.Of(obj);
        Remove(key);
        _objects[key] = obj;
        foreach (var (keys, names) in _indexes.Values)
        {
            foreach (var value in keys(obj))
            {
                if (!names.TryGetValue(value, out var at))
                {
                    names[value] = at = [];
                }

                at.Add(key);
            }
        }
    }

    public void Remove(ObjectKey key)
    {
        if (!_objects.Remove(key, out var old))
        {
            return;
        }

        foreach (var (keys, names) in _indexes.Values)
        {
            foreach (var value in keys(old))
            {
                if (names.TryGetValue(value, out var at) && at.Remove(key) && at.Count == 0)
                {
                    names.Remove(value);
                }
            }
        }
    }
}
