using System.Text;

using KvmAgent.Documents;

namespace KvmAgent.ConfigDrive;

/// <summary>User data and vendor data: bytes whose first line says what they are. They are never changed, but looked at.</summary>
internal static class CloudInitPart
{
    /// <summary>What cloud-init and cloudbase-init know a text by.</summary>
    private static readonly string[] Beginnings =
    [
        "#!", "#cloud-", "#include", "#part-handler", "#upstart-job", "## template:", "Content-Type:", "MIME-Version:",
        "#ps1", "rem cmd", "<script>", "<powershell>",
    ];

    /// <summary>Null where the file is absent or empty; a ConfigMap's key without a value is "no user data".</summary>
    public static SourceFile? NotEmpty(SourceFile? file, List<string> warnings)
    {
        if (file is not { Content.Length: 0 })
        {
            return file;
        }

        warnings.Add($"{file.Path} is empty and is left out");
        return null;
    }

    /// <summary>Warns where the guest would ignore user data without a word.</summary>
    public static SourceFile? UserData(SourceFile? file, List<string> warnings)
    {
        var given = NotEmpty(file, warnings);
        if (given is not null && !IsText(given) && !IsGzip(given) && !IsJson(given))
        {
            warnings.Add($"{given.Path} begins like nothing that guests know, so they may ignore it: the first line should be #cloud-config, #!/bin/sh or the like");
        }

        return given;
    }

    public static bool IsGzip(SourceFile file) => file.Content.Span.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]);

    /// <summary>Whether it is text that says by its beginning what it is.</summary>
    public static bool IsText(SourceFile file)
    {
        var head = Encoding.UTF8.GetString(file.Content.Span[..Math.Min(file.Content.Length, 64)]);
        return Beginnings.Any(beginning => head.StartsWith(beginning, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Ignition's documents are JSON objects.</summary>
    private static bool IsJson(SourceFile file) => file.Content.Span.TrimStart(" \t\r\n"u8).StartsWith("{"u8);
}
