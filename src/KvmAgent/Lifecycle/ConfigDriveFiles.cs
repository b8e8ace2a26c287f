using KvmAgent.ConfigDrive;
using KvmAgent.Documents;
using KvmAgent.Settings;

namespace KvmAgent.Lifecycle;

/// <summary>Reads the mounted files that become the config drive.</summary>
internal static class ConfigDriveFiles
{
    public static string PathIn(string runDir) => Path.Combine(runDir, "config-drive.iso");

    /// <returns>Null where no config drive is wanted.</returns>
    /// <exception cref="AgentException">A file cannot be read or understood.</exception>
    public static ConfigDriveTree? ReadTree(VmSettings settings)
    {
        var wanted = settings.ConfigDrive;
        if (wanted.Format is not { } format)
        {
            return null;
        }

        return ConfigDriveTree.Create(new ConfigDriveInput
        {
            Format = format,
            VmName = settings.Name,
            InstanceId = InstanceId.FromIdentity(settings.Namespace, settings.Name),
            Metadata = Read(wanted.MetadataFile, SourceFile.DocumentLimit),
            UserData = Read(wanted.UserdataFile, SourceFile.UserDataLimit),
            VendorData = Read(wanted.VendordataFile, SourceFile.DocumentLimit),
            NetworkData = Read(wanted.NetworkdataFile, SourceFile.DocumentLimit),
            SshKeys = [.. wanted.SshKeyDirs.SelectMany(MountedDirectory.Read).SelectMany(SshPublicKey.ReadAll)],
        });

        static SourceFile? Read(string? path, int limit) => path is null ? null : SourceFile.Read(path, limit);
    }
}
