using System.Text.Json;
using YamlDotNet.Core;

namespace KvmAgent.Documents;

/// <summary>A value of a YAML document with everything resolved: anchors, merge keys, types. What is here can be written as JSON.</summary>
internal abstract class YamlNode(Mark at)
{
    /// <summary>Where it starts in its file.</summary>
    public Mark At { get; } = at;

    /// <summary>How much text it is, what it repeats by aliases included; the bound against documents that explode.</summary>
    public long Weight { get; private set; } = 1;

    /// <summary>Levels below and including it; the bound on every recursion over it.</summary>
    public int Height { get; private set; } = 1;

    public abstract void WriteTo(Utf8JsonWriter json);

    public byte[] ToJson() => Json.Write(WriteTo);

    protected void Count(string text) => Weight += text.Length;

    protected void Count(YamlNode below)
    {
        Weight += below.Weight;
        Height = Math.Max(Height, 1 + below.Height);
    }
}

internal sealed class YamlSequence : YamlNode
{
    public YamlSequence(Mark at, List<YamlNode> items)
        : base(at)
    {
        Items = items;
        items.ForEach(Count);
    }

    public List<YamlNode> Items { get; }

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

internal sealed class YamlMapping : YamlNode
{
    public YamlMapping(Mark at, OrderedDictionary<string, YamlNode> entries)
        : base(at)
    {
        Entries = entries;
        foreach (var (key, value) in entries)
        {
            Count(key);
            Count(value);
        }
    }

    /// <summary>In the document's order; merged ones last.</summary>
    public OrderedDictionary<string, YamlNode> Entries { get; }

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
