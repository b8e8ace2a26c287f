using System.Text;
using System.Text.Json;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.HostTests.Cluster;

/// <summary>A pod's volumes as directories and files.</summary>
internal sealed class PodVolumes(string root)
{
    private readonly Dictionary<string, string> _paths = [];

    public static async Task<PodVolumes> CreateAsync(Pod pod, string root, NodeStorage storage)
    {
        var volumes = new PodVolumes(root);
        Directory.CreateDirectory(root);
        foreach (var volume in pod.Spec!.Volumes ?? [])
        {
            var (kind, source) = volume.Source!.Single();
            volumes._paths[volume.Name] = await volumes.MakeAsync(pod, volume.Name, kind, source, storage);
        }

        return volumes;
    }

    public string PathOf(VolumeMount mount) =>
        mount.SubPath is null ? _paths[mount.Name] : throw new NotSupportedException($"this node does not know subPath (mount {mount.MountPath})");

    public string TerminationLog(string container)
    {
        var path = Path.Combine(root, $"termination-{container}");
        if (!File.Exists(path))
        {
            File.WriteAllText(path, "");
        }

        return path;
    }

    /// <returns>Null where nothing was said.</returns>
    public static async Task<string?> ReadAsync(string path) => await File.ReadAllTextAsync(path) is { Length: > 0 } text ? text : null;

    private async Task<string> MakeAsync(Pod pod, string name, string kind, JsonElement source, NodeStorage storage)
    {
        var ns = pod.Metadata.Namespace!;
        switch (kind)
        {
            case "emptyDir":
                return Directory.CreateDirectory(Path.Combine(root, name)).FullName;
            case "persistentVolumeClaim":
                return await storage.MountAsync(ns, source.GetProperty("claimName").GetString()!);
            case "hostPath":
                return source.GetProperty("path").GetString()!;
            case "configMap":
                return Write(name, await ConfigMapAsync(ns, source.GetProperty("name").GetString()!, storage));
            case "secret":
                return Write(name, await SecretAsync(ns, source.GetProperty("secretName").GetString()!, storage));
            case "projected":
                var projected = new List<KeyValuePair<string, byte[]>>();
                foreach (var (of, part) in source.GetProperty("sources").EnumerateArray().SelectMany(static s => s.EnumerateObject()).Select(static p => (p.Name, p.Value)))
                {
                    projected.AddRange(await ProjectAsync(pod, of, part, storage));
                }

                return Write(name, projected);
            default:
                throw new NotSupportedException($"this node does not know volumes of the kind {kind} ({name})");
        }
    }

    private static async Task<IEnumerable<KeyValuePair<string, byte[]>>> ProjectAsync(Pod pod, string kind, JsonElement source, NodeStorage storage)
    {
        var ns = pod.Metadata.Namespace!;
        switch (kind)
        {
            case "serviceAccountToken":
                var text = await storage.TokenAsync(pod, source.GetProperty("audience").GetString()!, source.GetProperty("expirationSeconds").GetInt64());
                return [KeyValuePair.Create(source.GetProperty("path").GetString()!, Encoding.ASCII.GetBytes(text))];
            case "configMap" or "secret":
                var name = source.GetProperty("name").GetString()!;
                var all = kind == "secret" ? await SecretAsync(ns, name, storage) : await ConfigMapAsync(ns, name, storage);
                return source.GetProperty("items").EnumerateArray()
                    .Select(i => KeyValuePair.Create(i.GetProperty("path").GetString()!, all[i.GetProperty("key").GetString()!]));
            case "downwardAPI":
                return source.GetProperty("items").EnumerateArray().Select(i => KeyValuePair.Create(
                    i.GetProperty("path").GetString()!,
                    Encoding.UTF8.GetBytes(pod.Metadata.Annotation(i.GetProperty("fieldRef").GetProperty("fieldPath").GetString()!.Split('\'')[1])!)));
            default:
                throw new NotSupportedException($"this node does not know projected volumes of the kind {kind}");
        }
    }

    private static async Task<IReadOnlyDictionary<string, byte[]>> ConfigMapAsync(string ns, string name, NodeStorage storage)
    {
        var map = await storage.Client.GetAsync(CoreKinds.ConfigMaps, ns, name, CancellationToken.None);
        return (map.Data ?? new Dictionary<string, string>()).Select(static e => KeyValuePair.Create(e.Key, Encoding.UTF8.GetBytes(e.Value)))
            .Concat(map.BinaryData ?? new Dictionary<string, byte[]>()).ToDictionary();
    }

    private static async Task<IReadOnlyDictionary<string, byte[]>> SecretAsync(string ns, string name, NodeStorage storage) =>
        (await storage.Client.GetAsync(CoreKinds.Secrets, ns, name, CancellationToken.None)).Data ?? new Dictionary<string, byte[]>();

    private string Write(string name, IEnumerable<KeyValuePair<string, byte[]>> files)
    {
        var directory = Directory.CreateDirectory(Path.Combine(root, name)).FullName;
        foreach (var (file, content) in files)
        {
            File.WriteAllBytes(Path.Combine(directory, file), content);
        }

        return directory;
    }
}
