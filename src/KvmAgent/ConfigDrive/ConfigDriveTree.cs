using KvmAgent.Documents;

namespace KvmAgent.ConfigDrive;

/// <summary>A file of the drive; its path is relative, with slashes.</summary>
/// <param name="ForAll">Whether everybody in the guest may read it, once it is mounted, or root alone.</param>
internal sealed record ConfigDriveFile(string Path, ReadOnlyMemory<byte> Content, bool ForAll = false);

/// <summary>How the guest finds its data: by the drive's label and by the names on it.</summary>
internal enum ConfigDriveFormat
{
    /// <summary>OpenStack's config drive, version 2: cloud-init, cloudbase-init, Ignition.</summary>
    OpenStack,

    /// <summary>cloud-init's NoCloud.</summary>
    NoCloud,
}

/// <summary>What the drive is made of. Files that were not mounted are null.</summary>
internal sealed record ConfigDriveInput
{
    public required ConfigDriveFormat Format { get; init; }

    /// <summary>The host name where the metadata has none.</summary>
    public required string VmName { get; init; }

    /// <summary>The instance-id where the metadata has none; see <see cref="ConfigDrive.InstanceId"/>.</summary>
    public required Guid InstanceId { get; init; }

    public SourceFile? Metadata { get; init; }
    public SourceFile? UserData { get; init; }
    public SourceFile? VendorData { get; init; }
    public SourceFile? NetworkData { get; init; }

    /// <summary>To add to those of the metadata.</summary>
    public IReadOnlyList<SshPublicKey> SshKeys { get; init; } = [];
}

/// <summary>
/// Everything on the config drive, and what its label is. Made by a pure function of the mounted files: metadata is read as YAML (JSON
/// is YAML) and written as JSON, see <see cref="YamlScalar"/> for what that keeps; user data goes through byte for byte,
/// because its first line is a comment to YAML and all to cloud-init.
/// </summary>
/// <param name="Label">The volume's label, by which cloud-init knows the drive.</param>
/// <param name="Files">In the order in which they are written.</param>
/// <param name="Warnings">Sentences for the log: what was given but will have no effect.</param>
internal sealed record ConfigDriveTree(string Label, IReadOnlyList<ConfigDriveFile> Files, IReadOnlyList<string> Warnings)
{
    /// <exception cref="AgentException">A file is malformed or cannot be expressed in this format.</exception>
    public static ConfigDriveTree Create(ConfigDriveInput input)
    {
        var warnings = new List<string>();
        return input.Format switch
        {
            ConfigDriveFormat.OpenStack => new ConfigDriveTree("config-2", [.. OpenStackDrive.Files(input, warnings)], warnings),
            ConfigDriveFormat.NoCloud => new ConfigDriveTree("cidata", [.. NoCloudDrive.Files(input, warnings)], warnings),
            _ => throw new ArgumentOutOfRangeException(nameof(input), input.Format, "unknown format"),
        };
    }
}
