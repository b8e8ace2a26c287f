using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Machines.Pods;

/// <summary>What the volumes of an instance add to its pod, and to the agent's spec file.</summary>
internal sealed class PodParts
{
    /// <summary>The VM's own directory: blank disks, overlays, fetched container disks.</summary>
    public const string VmDir = "/vm", VmVolume = "vm";

    /// <summary>Where the ConfigMap with the spec file is mounted.</summary>
    public const string ConfigDir = "/etc/kvm-agent/machine", ConfigVolume = "machine";

    public const string SecretsDir = "/etc/kvm-agent/secrets";

    public List<PodProblem> Problems { get; } = [];

    public List<Volume> Volumes { get; } = [];

    public List<VolumeMount> Mounts { get; } = [];

    public List<VolumeDevice> Devices { get; } = [];

    public List<Container> InitContainers { get; } = [];

    /// <summary>The spec file's <c>disks</c>.</summary>
    public JsonArray Disks { get; } = [];

    /// <summary>Its <c>configDrive</c>.</summary>
    public JsonObject ConfigDrive { get; } = new() { ["format"] = "none" };

    /// <summary>Texts of the ConfigMap, by file name.</summary>
    public SortedDictionary<string, byte[]> Files { get; } = new(StringComparer.Ordinal);

    /// <summary>Where a ConfigMap's or Secret's files are, to become a disk.</summary>
    public const string FilesDir = "/files";

    /// <summary>A name of the pod's made of one of the instance's, which may be as long as the pod's may be.</summary>
    public static string Name(string prefix, string name)
    {
        const int longest = 63;
        var whole = $"{prefix}-{name}";
        return whole.Length <= longest ? whole : $"{whole[..(longest - 9)].TrimEnd('-')}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..8]}";
    }

    public void AddVolume(string name, string kind, JsonObject source) => Volumes.Add(Volume.Of(name, kind, source));

    /// <summary>Mounts the whole of a Secret, whose keys become files.</summary>
    /// <returns>The directory.</returns>
    public string MountSecret(string volume, string secret)
    {
        var directory = $"{SecretsDir}/{volume}";
        AddVolume(volume, "secret", new JsonObject { ["secretName"] = secret });
        Mounts.Add(new VolumeMount(volume, directory) { ReadOnly = true });
        return directory;
    }
}
