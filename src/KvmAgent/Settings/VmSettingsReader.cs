using KvmAgent.Images;

namespace KvmAgent.Settings;

/// <summary>Makes <see cref="VmSettings"/> of the environment and the spec file, or reports all that is wrong with them at once.</summary>
internal static class VmSettingsReader
{
    /// <param name="environment">The process's environment.</param>
    /// <param name="hostName">The pod's host name, for the VM's name where none is given.</param>
    /// <returns>The settings, and what is odd but no error.</returns>
    /// <exception cref="AgentException"><see cref="FailureReason.Settings"/>: one line for each error.</exception>
    public static (VmSettings Settings, IReadOnlyList<string> Warnings) Read(IReadOnlyDictionary<string, string> environment, string hostName)
    {
        var errors = new SettingErrors();
        var parser = new SettingParser(errors);
        var file = new SettingSource(environment, SpecFile.Empty).TryGetVariable(Setting.VmSpecFile, out var specPath)
            ? SpecFile.Read(specPath.Text, errors)
            : SpecFile.Empty;
        var source = new SettingSource(environment, file);

        var name = ReadName(source, parser, hostName);
        var ns = source.TryGet(Setting.PodNamespace, out string? given) ? given : "";
        var machine = MachineReader.Read(source, parser);
        var disk = DiskReader.Read(source, parser, machine.Type);
        var settings = new VmSettings(
            name,
            ns,
            ReadImage(source, parser),
            machine,
            disk,
            DiskReader.ReadExtra(source, parser, disk, machine.Type),
            NetworkReader.Read(source, parser, ns, name),
            ConfigDriveReader.Read(source, parser),
            ReadLifecycle(source, parser),
            ReadDirectory(Setting.ImageDir, source, parser),
            ReadDirectory(Setting.VmDir, source, parser),
            ReadRunDir(source, parser),
            ReadLog(source, parser),
            LinkReader.Read(source, parser, hostName));
        errors.ThrowIfAny();
        return (settings, [.. source.UnknownVariables()]);
    }

    /// <summary>RUN_DIR alone, for the commands that talk to a running agent.</summary>
    public static string RunDir(IReadOnlyDictionary<string, string> environment)
    {
        var errors = new SettingErrors();
        var directory = ReadRunDir(new SettingSource(environment, SpecFile.Empty), new SettingParser(errors));
        errors.ThrowIfAny();
        return directory;
    }

    /// <summary>How an image's server is reached, for the commands that look at one or import it: as IMG_* says.</summary>
    /// <param name="environment">The process's environment.</param>
    /// <param name="source">Its URL.</param>
    /// <param name="parser">Gets the errors.</param>
    public static SourceAccess SourceAccess(IReadOnlyDictionary<string, string> environment, string source, SettingParser parser)
    {
        var image = ReadImage(new SettingSource(environment, SpecFile.Empty), parser);
        // Secrets are for the origin of IMG_SOURCE, where there is one, and no other.
        return image.Source is null || SameOrigin(image.Source, source) ? image.Access : SourceAccessReader.WithoutSecrets(image.Access);
    }

    private static bool SameOrigin(string a, string b) =>
        Uri.TryCreate(a, UriKind.Absolute, out var one) && Uri.TryCreate(b, UriKind.Absolute, out var other)
        && one.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped) == other.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped);

    private static string ReadName(SettingSource source, SettingParser parser, string hostName)
    {
        if (!source.TryGet(Setting.VmName, out GivenValue given))
        {
            given = new GivenValue(hostName.Split('.')[0].ToLowerInvariant(), "the host name, for VM_NAME");
        }

        if (given.Text.Length is 0 or > 63 || given.Text[0] == '-' || given.Text[^1] == '-'
            || !given.Text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'))
        {
            parser.Errors.Add(given.Origin, given.Text, "is not a host name", "set VM_NAME to at most 63 of a-z, 0-9 and -, with no - at an end");
        }

        return given.Text;
    }

    private static ImageSettings ReadImage(SettingSource source, SettingParser parser)
    {
        string? image = source.TryGet(Setting.ImgSource, out GivenValue given) ? parser.Source(given) : null;
        string? target = null;
        if (source.TryGet(Setting.ImgTarget, out GivenValue name))
        {
            target = parser.FileName(name, "give a name within IMAGE_DIR without / or .., such as debian-12.qcow2");
        }
        else if (image is not null)
        {
            target = DiskReader.LastSegment(given, parser, Setting.ImgTarget.Name);
        }

        return new ImageSettings(
            image,
            target,
            source.TryGet(Setting.ImgChecksum, out GivenValue sum) ? parser.Checksum(sum) : null,
            SourceAccessReader.Read(source, parser));
    }

    private static LifecycleSettings ReadLifecycle(SettingSource source, SettingParser parser) => new(
        source.TryGet(Setting.GracePeriod, out GivenValue grace) ? parser.Duration(grace) : TimeSpan.FromSeconds(30),
        source.TryGet(Setting.VmOnPoweroff, out GivenValue action)
            ? parser.Choice(action, ("exit", PoweroffAction.Exit), ("hold", PoweroffAction.Hold), ("restart", PoweroffAction.Restart))
            : PoweroffAction.Exit,
        source.TryGet(Setting.VmStartPaused, out GivenValue paused) && parser.Boolean(paused));

    private static LogSettings ReadLog(SettingSource source, SettingParser parser) => new(
        source.TryGet(Setting.LogFormat, out GivenValue format)
            ? parser.Choice(format, ("text", LogFormat.Text), ("json", LogFormat.Json))
            : LogFormat.Text,
        source.TryGet(Setting.LogLevel, out GivenValue level)
            ? parser.Choice(
                level,
                ("debug", LogLevelSetting.Debug),
                ("info", LogLevelSetting.Info),
                ("warning", LogLevelSetting.Warning),
                ("error", LogLevelSetting.Error))
            : LogLevelSetting.Info);

    private static string ReadDirectory(Setting setting, SettingSource source, SettingParser parser) =>
        source.TryGet(setting, out GivenValue given) ? parser.FullPath(given) : setting.Default;

    private static string ReadRunDir(SettingSource source, SettingParser parser)
    {
        // A Unix socket's path has at most 107 bytes (unix(7)), and the longest of ours is qemu/guest-agent.sock.
        const int longest = 80;
        var directory = ReadDirectory(Setting.RunDir, source, parser);
        if (directory.Length > longest)
        {
            parser.Errors.Add(Setting.RunDir.Name, directory, "is too long for the sockets in it", $"give a path of at most {longest} characters");
        }

        return directory;
    }
}
