using System.Text.Json;
using YamlDotNet.Core;

namespace KvmAgent.ConfigDrive.Yaml;

/// <summary>A value of a YAML document with everything resolved: anchors, merge keys, types. What is here can be written as JSON.</summary>
internal abstract class YamlNode(Mark at)
{
    /// <summary>Where it starts in its file.</summary>
    public Mark At { get; } = at;

    /// <summary>How much text it is, what it repeats by aliases included; the bound against documents that explode.</summary>
    public abstract long Weight { get; }

    /// <summary>Levels below and including it; the bound on every recursion over it.</summary>
    public abstract int Height { get; }

    public abstract void WriteTo(Utf8JsonWriter json);

    public byte[] ToJson() => Json.Write(WriteTo);
}

internal sealed class YamlSequence(Mark at, IReadOnlyList<YamlNode> items) : YamlNode(at)
{
    public IReadOnlyList<YamlNode> Items { get; } = items;
    public override long Weight { get; } = 1 + items.Sum(item => item.Weight);
    public override int Height { get; } = 1 + items.Select(item => item.Height).DefaultIfEmpty().Max();

    public override void WriteTo(Utf8JsonWriter json)
    {
        json.WriteStartArray();
        foreach (var item in Items)
        {
            item.WriteTo(json);
        }

        json.WriteEndArray();
    }
}

/// <param name="at">Where it starts.</param>
/// <param name="entries">In the document's order; merged ones last.</param>
internal sealed class YamlMapping(Mark at, OrderedDictionary<string, YamlNode> entries) : YamlNode(at)
{
    public OrderedDictionary<string, YamlNode> Entries { get; } = entries;
    public override long Weight { get; } = 1 + entries.Sum(entry => entry.Key.Length + entry.Value.Weight);
    public override int Height { get; } = 1 + entries.Values.Select(value => value.Height).DefaultIfEmpty().Max();

    public override void WriteTo(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        foreach (var (key, value) in Entries)
        {
            json.WritePropertyName(key);
            value.WriteTo(json);
        }

        json.WriteEndObject();
    }
}
