using KvmAgent.ConfigDrive;
using KvmAgent.Settings;

namespace KvmAgent.Lifecycle;

/// <summary>Reads the mounted files that become the config drive.</summary>
internal static class ConfigDriveFiles
{
    public static string PathIn(string runDir) => Path.Combine(runDir, "config-drive.iso");

    /// <returns>Null where no config drive is wanted.</returns>
    /// <exception cref="AgentException">A file cannot be read or understood.</exception>
    public static async Task<ConfigDriveTree?> ReadTreeAsync(VmSettings settings, CancellationToken cancel)
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
            Metadata = await ReadAsync(wanted.MetadataFile, SourceFile.DocumentLimit).ConfigureAwait(false),
            UserData = await ReadAsync(wanted.UserdataFile, SourceFile.UserDataLimit).ConfigureAwait(false),
            VendorData = await ReadAsync(wanted.VendordataFile, SourceFile.DocumentLimit).ConfigureAwait(false),
            NetworkData = await ReadAsync(wanted.NetworkdataFile, SourceFile.DocumentLimit).ConfigureAwait(false),
        });

        async Task<SourceFile?> ReadAsync(string? path, int limit) =>
            path is null ? null : await SourceFile.ReadAsync(path, limit, cancel).ConfigureAwait(false);
    }
}
