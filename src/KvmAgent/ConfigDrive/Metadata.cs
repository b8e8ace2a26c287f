using System.Text.Json;
using KvmAgent.Documents;

namespace KvmAgent.ConfigDrive;

/// <summary>
/// The mounted metadata. It may use OpenStack's names or NoCloud's whatever the drive's format is: what both formats know
/// (instance-id, host name, SSH keys) is taken out and written under the format's own names; all else goes through.
/// </summary>
internal sealed class Metadata
{
    private readonly string _file;
    private readonly List<string> _warnings;
    private readonly OrderedDictionary<string, YamlNode> _rest;

    /// <param name="input">Has the file and the defaults.</param>
    /// <param name="openStackFirst">Whose names win where both are given.</param>
    /// <param name="warnings">Gets a sentence for each name that loses.</param>
    public Metadata(ConfigDriveInput input, bool openStackFirst, List<string> warnings)
    {
        _file = input.Metadata?.Path ?? "";
        _warnings = warnings;
        _rest = new(SourceDocument.Mapping(input.Metadata)?.Entries ?? []);
        YamlNode? TakeEither(string openStack, string noCloud) => openStackFirst ? Take(openStack, noCloud) : Take(noCloud, openStack);
        InstanceId = Text(TakeEither("uuid", "instance-id"), "the instance-id") ?? input.InstanceId.ToString();
        HostName = Text(TakeEither("hostname", "local-hostname"), "the host name") ?? input.VmName;
        AddKeys("key", TakeEither("public_keys", "public-keys"));
        foreach (var key in input.SshKeys)
        {
            if (!PublicKeys.Values.Any(key.IsIn))
            {
                AddKey("key", key.Line);
            }
        }
    }

    public string InstanceId { get; }
    public string HostName { get; }

    /// <summary>SSH public keys by name.</summary>
    public OrderedDictionary<string, string> PublicKeys { get; } = [];

    /// <summary>Refuses what would make the guest throw the whole drive away.</summary>
    public void Require(string key, Func<YamlNode, bool> fits, string expected)
    {
        if (_rest.TryGetValue(key, out var node) && !fits(node))
        {
            throw Refused(node, $"{key}: {expected}");
        }
    }

    /// <summary>Writes all that the format's own names do not cover.</summary>
    public void WriteRestTo(Utf8JsonWriter json)
    {
        foreach (var (key, value) in _rest)
        {
            json.WritePropertyName(key);
            value.WriteTo(json);
        }
    }

    /// <summary>Takes out what may be there by either of two names; null counts as absent.</summary>
    private YamlNode? Take(string preferred, string other)
    {
        var (node, second) = (Take(preferred), Take(other));
        if (node is not null && second is not null)
        {
            _warnings.Add($"{_file} has both {preferred} and {other}, which mean the same: {other} is ignored");
        }

        return node ?? second;
    }

    private YamlNode? Take(string name) =>
        _rest.Remove(name, out var node) && node is not YamlScalar { Kind: ScalarKind.Null } ? node : null;

    /// <summary>A text as it was written, even if it looks like a number or a date.</summary>
    private string? Text(YamlNode? node, string what) => node switch
    {
        null => null,
        YamlScalar { Text.Length: > 0 } scalar => scalar.Text,
        _ => throw Refused(node, $"{what} is empty, a list or a mapping; expected text"),
    };

    /// <summary>Keys come as text with one a line, as a list, by name, or by name with their format below it as on EC2.</summary>
    private void AddKeys(string name, YamlNode? node)
    {
        switch (node)
        {
            case null:
                break;
            case YamlScalar { Kind: ScalarKind.Text } scalar:
                foreach (var key in scalar.Text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
                {
                    AddKey(name, key);
                }

                break;
            case YamlSequence sequence:
                foreach (var item in sequence.Items)
                {
                    AddKeys(name, item);
                }

                break;
            case YamlMapping mapping:
                foreach (var (key, value) in mapping.Entries)
                {
                    AddKeys(key == "openssh-key" ? name : key, value);
                }

                break;
            default:
                throw Refused(node, "expected an SSH public key: a text, a list of texts, or a mapping of names to texts");
        }
    }

    private void AddKey(string name, string key)
    {
        var unique = name;
        for (var number = 2; !PublicKeys.TryAdd(unique, key); number++)
        {
            unique = $"{name}-{number}";
        }
    }

    private AgentException Refused(YamlNode node, string what) => YamlReader.Refused(_file, node.At, what);
}
