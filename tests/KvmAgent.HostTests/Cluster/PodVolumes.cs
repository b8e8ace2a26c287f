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
                return storage.Claim(ns, source.GetProperty("claimName").GetString()!);
            case "hostPath":
                return source.GetProperty("path").GetString()!;
            case "configMap":
                var map = await storage.Client.GetAsync(CoreKinds.ConfigMaps, ns, source.GetProperty("name").GetString()!, CancellationToken.None);
                return Write(name, (map.Data ?? new Dictionary<string, string>()).ToDictionary(static e => e.Key, static e => Encoding.UTF8.GetBytes(e.Value))
                    .Concat(map.BinaryData ?? new Dictionary<string, byte[]>()));
            case "secret":
                var secret = await storage.Client.GetAsync(CoreKinds.Secrets, ns, source.GetProperty("secretName").GetString()!, CancellationToken.None);
                return Write(name, secret.Data ?? new Dictionary<string, byte[]>());
            case "projected":
                var token = source.GetProperty("sources")[0].GetProperty("serviceAccountToken");
                var text = await storage.TokenAsync(pod, token.GetProperty("audience").GetString()!, token.GetProperty("expirationSeconds").GetInt64());
                return Write(name, [KeyValuePair.Create(token.GetProperty("path").GetString()!, Encoding.ASCII.GetBytes(text))]);
            default:
                throw new NotSupportedException($"this node does not know volumes of the kind {kind} ({name})");
        }
    }

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
