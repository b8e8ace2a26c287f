using KvmAgent.ConfigDrive;
using KvmAgent.ConfigDrive.Iso;
using KvmAgent.Documents;
using KvmAgent.Settings;

namespace KvmAgent.Disks;

/// <summary>
/// A read-only disk made of a mounted ConfigMap or Secret: an ISO in RUN_DIR, made anew at each start of the agent. Everybody in the guest may
/// read it once it is mounted there, as in KubeVirt: who mounts it where is the guest's to say.
/// </summary>
internal static class FilesDisk
{
    public const string DefaultLabel = "cfgdata";

    /// <summary>ISO 9660's.</summary>
    public const int LongestLabel = 32;

    public static string PathIn(string runDir, string name) => Path.Combine(runDir, $"files-{name}.iso");

    /// <exception cref="AgentException">A file cannot be read, or cannot be on such a disk.</exception>
    public static ConfigDriveTree ReadTree(FilesSettings files) =>
        new(files.Label, [.. MountedDirectory.Read(files.Directory).Select(file => new ConfigDriveFile(Name(file), file.Content, ForAll: true))], []);

    private static string Name(SourceFile file)
    {
        var name = Path.GetFileName(file.Path);
        return System.Text.Encoding.UTF8.GetByteCount(name) <= IsoNames.Longest
            ? name
            : throw new AgentException(FailureReason.Refused, $"{file.Path}: the name is longer than the {IsoNames.Longest} bytes that a disk made of files has room for; shorten the key");
    }
}
