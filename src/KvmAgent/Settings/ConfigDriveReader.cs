using KvmAgent.ConfigDrive;

namespace KvmAgent.Settings;

/// <summary>What the config drive is made of.</summary>
internal static class ConfigDriveReader
{
    public static ConfigDriveSettings Read(SettingSource source, SettingParser parser)
    {
        var format = source.TryGet(Setting.ConfigDrive, out GivenValue given)
            ? parser.Choice<ConfigDriveFormat?>(given, ("openstack", ConfigDriveFormat.OpenStack), ("nocloud", ConfigDriveFormat.NoCloud), ("none", null))
            : ConfigDriveFormat.OpenStack;
        return new ConfigDriveSettings(
            format,
            OptionalFile(Setting.MetadataFile),
            OptionalFile(Setting.UserdataFile, "userdata", "userData"),
            OptionalFile(Setting.VendordataFile),
            OptionalFile(Setting.NetworkdataFile, "networkdata", "networkData"),
            source.TryGet(Setting.SshKeyDirs, out GivenValue directories) ? ReadKeyDirs(directories, format is not null, parser) : []);

        string? OptionalFile(Setting setting, params ReadOnlySpan<string> keys) =>
            source.TryGet(setting, out GivenValue path) ? keys.Length > 0 && Directory.Exists(path.Text) ? ReadKey(path, keys, parser) : parser.ExistingFile(path)
            : setting.Default.Length > 0 && File.Exists(setting.Default) ? setting.Default
            : null;
    }

    /// <summary>The keys are those that KubeVirt looks for in a Secret, in its order.</summary>
    private static string ReadKey(GivenValue given, ReadOnlySpan<string> keys, SettingParser parser)
    {
        var directory = parser.FullPath(given);
        foreach (var key in keys)
        {
            var path = Path.Combine(directory, key);
            if (File.Exists(path))
            {
                return path;
            }
        }

        parser.Errors.Add(
            given.Origin, given.Text, $"the directory has neither a file {string.Join(" nor ", keys!)}", "give the Secret one of these keys, or name the file itself");
        return directory;
    }

    private static string[] ReadKeyDirs(GivenValue given, bool hasDrive, SettingParser parser)
    {
        if (!hasDrive)
        {
            parser.Errors.Add(given.Origin, given.Text, $"there is no config drive to hand the keys over by, as {Setting.ConfigDrive.Name} is none", "set it to openstack or nocloud");
        }

        var directories = given.Text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        foreach (var directory in directories)
        {
            if (directory[0] != '/' || !Directory.Exists(directory))
            {
                parser.Errors.Add(
                    given.Origin, given.Text, directory[0] == '/' ? $"there is no directory {directory}" : $"{directory} is not a full path", "mount a Secret there, and name it in full");
            }
        }

        return directories;
    }
}
