using KvmAgent.Documents;

namespace KvmAgent.Settings;

/// <summary>
/// The file that VM_SPEC_FILE names: YAML whose keys stand for settings (<see cref="Setting.Key"/>), some that no variable has, and the
/// list of disks. Each value keeps its place for the errors; a key that nobody knows is an error.
/// </summary>
internal sealed class SpecFile
{
    public const string DisksKey = "disks";

    /// <summary>What only the file can say.</summary>
    public static readonly IReadOnlyList<string> OwnKeys =
    [
        "cpu.sockets", "cpu.cores", "cpu.threads", "memory.hugepages", "nic.queues", "firmware.uuid", "console.log",
    ];

    private static readonly HashSet<string> Keys = [.. Setting.All.Select(s => s.Key).OfType<string>(), .. OwnKeys];
    private static readonly HashSet<string> Groups = [.. Keys.Where(k => k.Contains('.', StringComparison.Ordinal)).Select(k => k[..k.IndexOf('.', StringComparison.Ordinal)])];

    private readonly Dictionary<string, GivenValue> _values = [];

    public static SpecFile Empty { get; } = new();

    /// <summary>The disks, each as its keys' values and its own place.</summary>
    public List<SpecEntry> Disks { get; } = [];

    public static SpecFile Read(string path, SettingErrors errors)
    {
        var spec = new SpecFile();
        try
        {
            if (SourceFile.Read(path, SourceFile.DocumentLimit) is not { } file)
            {
                errors.Add(Setting.VmSpecFile.Name, path, "there is no such file", "name a readable file, or unset it");
            }
            else if (YamlReader.Read(file) is { } root)
            {
                spec.ReadRoot(path, root, errors);
            }
        }
        catch (AgentException e)
        {
            errors.Add(Setting.VmSpecFile.Name, path, e.Message, "mend the file");
        }

        return spec;
    }

    public bool TryGet(string key, out GivenValue given) => _values.TryGetValue(key, out given);

    private void ReadRoot(string path, YamlNode root, SettingErrors errors)
    {
        foreach (var (key, node) in Children(path, root, "", errors))
        {
            if (key == DisksKey)
            {
                ReadDisks(path, node, errors);
            }
            else if (Keys.Contains(key))
            {
                ReadScalar(path, key, node, _values, errors);
            }
            else if (Groups.Contains(key))
            {
                foreach (var (child, value) in Children(path, node, key + ".", errors))
                {
                    if (Keys.Contains(child))
                    {
                        ReadScalar(path, child, value, _values, errors);
                    }
                    else
                    {
                        errors.Add($"{Origin(path, child, value)}: nobody knows this key; {key} has {Known(key)}");
                    }
                }
            }
            else
            {
                errors.Add($"{Origin(path, key, node)}: nobody knows this key; there are {Known(null)}");
            }
        }
    }

    private void ReadDisks(string path, YamlNode node, SettingErrors errors)
    {
        if (node is not YamlSequence list)
        {
            errors.Add($"{Origin(path, DisksKey, node)}: must be a list");
            return;
        }

        foreach (var (index, item) in list.Items.Index())
        {
            var prefix = $"{DisksKey}[{index}].";
            var values = new Dictionary<string, GivenValue>();
            foreach (var (key, value) in Children(path, item, prefix, errors))
            {
                ReadScalar(path, key, value, values, errors);
            }

            Disks.Add(new SpecEntry(
                Origin(path, prefix.TrimEnd('.'), item),
                values.ToDictionary(v => v.Key[prefix.Length..], v => v.Value)));
        }
    }

    private static IEnumerable<(string Key, YamlNode Node)> Children(string path, YamlNode node, string prefix, SettingErrors errors)
    {
        if (node is YamlMapping map)
        {
            return map.Entries.Select(entry => (prefix + entry.Key, entry.Value));
        }

        if (node is not YamlScalar { Kind: ScalarKind.Null })
        {
            errors.Add($"{Origin(path, prefix.TrimEnd('.'), node)}: must be a map of keys to values");
        }

        return [];
    }

    private static void ReadScalar(string path, string key, YamlNode node, Dictionary<string, GivenValue> values, SettingErrors errors)
    {
        if (node is not YamlScalar scalar)
        {
            errors.Add($"{Origin(path, key, node)}: must be a single value");
        }
        else if (scalar is { Kind: not ScalarKind.Null, Text.Length: > 0 })
        {
            values[key] = new GivenValue(scalar.Text, Origin(path, key, node));
        }
    }

    private static string Origin(string path, string key, YamlNode node) =>
        $"{(key.Length == 0 ? "the document" : key)} in {path}, line {node.At.Line}, column {node.At.Column}";

    private static string Known(string? group) => string.Join(", ", group is null
        ? Keys.Where(k => !k.Contains('.', StringComparison.Ordinal)).Concat(Groups).Append(DisksKey).Order(StringComparer.Ordinal)
        : Keys.Where(k => k.StartsWith(group + ".", StringComparison.Ordinal)).Select(k => k[(group.Length + 1)..]).Order(StringComparer.Ordinal));
}

/// <summary>One item of a list in the spec file.</summary>
internal sealed record SpecEntry(string Origin, IReadOnlyDictionary<string, GivenValue> Values);
