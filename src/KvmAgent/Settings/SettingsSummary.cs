namespace KvmAgent.Settings;

/// <summary>What is in effect, in one line: the first of the log.</summary>
internal static class SettingsSummary
{
    public static string Of(VmSettings settings)
    {
        var machine = settings.Machine;
        var network = settings.Network;
        string[] parts =
        [
            $"{(machine.Cpu.Count == 1 ? "1 CPU" : $"{machine.Cpu.Count} CPUs")}, {Quantity.Format(machine.MemoryBytes)} of memory",
            $"{machine.Type.ToString().ToLowerInvariant()} with {machine.Firmware.ToString().ToLowerInvariant()}",
            settings.Image.Target is { } target ? $"base {target}{(settings.Image.Source is { } source ? $" from {WithoutSecrets(source)}" : "")}" : "no base image",
            settings.Disk.Size is { } size ? $"disk of {Quantity.Format(size)} on {settings.Disk.Bus.ToString().ToLowerInvariant()}" : $"disk on {settings.Disk.Bus.ToString().ToLowerInvariant()}",
            $"guest {network.Ip} behind {network.Gateway}, MAC {network.Mac}",
            network.PodPorts.Count > 0 ? $"the pod keeps {string.Join(", ", network.PodPorts)}" : "the pod keeps no port",
            settings.ConfigDrive.Format is { } format ? $"{format.ToString().ToLowerInvariant()} config drive" : "no config drive",
        ];
        return $"VM {settings.Name}: {string.Join("; ", parts)}";
    }

    /// <summary>A URL may hold a password or a signature.</summary>
    public static string WithoutSecrets(string source) => Uri.TryCreate(source, UriKind.Absolute, out var url) && !url.IsFile
        ? url.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped)
        : url is null ? Harmless(source) : source;

    /// <summary>What cannot be parsed is shown up to the first sign of a secret.</summary>
    private static string Harmless(string source)
    {
        var rest = source.LastIndexOf('@') is var at and >= 0 ? "…" + source[at..] : source;
        return rest.IndexOf('?', StringComparison.Ordinal) is var query and >= 0 ? rest[..query] + "?…" : rest;
    }
}
