using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace KvmAgent.Documents;

/// <summary>
/// Reads one YAML document, and so JSON. YamlDotNet parses; the nodes are built here, because its own model recurses without a bound
/// and hashes aliased trees over and over: a document of some hundred bytes could take all memory or the stack.
/// Here depth and expanded size are limited, aliases point backwards only, and duplicate keys are refused.
/// </summary>
internal sealed class YamlReader
{
    private const int MaxDepth = 64;
    private const long MaxWeight = 4 << 20;

    private readonly string _file;
    private readonly Parser _parser;
    private readonly Dictionary<string, YamlNode> _anchors = [];
    private long _weight;

    private YamlReader(string file, TextReader text)
    {
        _file = file;
        _parser = new Parser(new Scanner(text));
    }

    /// <returns>Null where the file has nothing but white space and comments.</returns>
    /// <exception cref="AgentException">It is not one well-formed document; the message has file, line and column.</exception>
    public static YamlNode? Read(SourceFile file)
    {
        using var text = new StringReader(file.Text());
        return new YamlReader(file.Path, text).Document();
    }

    /// <summary>The error for a value that does not fit.</summary>
    public static AgentException Refused(string file, Mark at, string what, Exception? inner = null) =>
        new(FailureReason.Refused, $"{file}:{at.Line}:{at.Column}: {what}", inner);

    private AgentException Refused(Mark at, string what, Exception? inner = null) => Refused(_file, at, what, inner);

    private YamlNode? Document()
    {
        Next();
        if (Next() is StreamEnd)
        {
            return null;
        }

        var root = Node(Next(), 1);
        Next();
        return Next() is StreamEnd ? root : throw Refused(_parser.Current!.Start, "a second document starts here; expected one");
    }

    private ParsingEvent Next()
    {
        var last = _parser.Current?.End ?? Mark.Empty;
        try
        {
            return _parser.MoveNext() ? _parser.Current! : throw Refused(last, "expected more text");
        }
        catch (YamlException e)
        {
            var end = e.End.Line == e.Start.Line ? "" : $" (up to line {e.End.Line}, column {e.End.Column})";
            throw Refused(e.Start, $"not valid YAML or JSON: {e.Message}{end}", e);
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            // YamlDotNet throws these for a flow collection that a less indented line cuts off, and for tags and surrogates that are none.
            throw Refused(last, "not valid YAML or JSON behind this place: is a bracket or a brace not closed, or a tag or an escape misspelt?", e);
        }
    }

    private YamlNode Node(ParsingEvent start, int depth)
    {
        if (depth > MaxDepth)
        {
            throw Refused(start.Start, $"nested deeper than {MaxDepth} levels");
        }

        var node = start switch
        {
            Scalar scalar => Scalar(scalar),
            SequenceStart sequence => Sequence(sequence, depth),
            MappingStart mapping => Mapping(mapping, depth),
            AnchorAlias alias => Alias(alias, depth),
            _ => throw Refused(start.Start, "expected a value"),
        };
        if (start is NodeEvent { Anchor.IsEmpty: false } anchored)
        {
            _anchors[anchored.Anchor.Value] = node;
        }

        return node;
    }

    private YamlScalar Scalar(Scalar scalar)
    {
        Weigh(scalar.Start, 1 + scalar.Value.Length);
        var tag = scalar.Tag.IsEmpty ? "" : scalar.Tag.Value;
        return YamlScalar.Create(scalar.Start, scalar.Value, scalar.Style is ScalarStyle.Plain, tag)
            ?? throw Refused(scalar.Start, $"the tag {tag} is unknown or does not fit this value; expected str, int, float, bool, null, binary or timestamp");
    }

    private YamlNode Alias(AnchorAlias alias, int depth)
    {
        if (!_anchors.TryGetValue(alias.Value.Value, out var node))
        {
            throw Refused(alias.Start, $"the alias *{alias.Value.Value} has no finished anchor before it");
        }

        Weigh(alias.Start, node.Weight);
        return depth + node.Height - 1 <= MaxDepth ? node : throw Refused(alias.Start, $"nested deeper than {MaxDepth} levels by this alias");
    }

    private YamlSequence Sequence(SequenceStart start, int depth)
    {
        CheckTag(start, start.Tag, "tag:yaml.org,2002:seq");
        var items = new List<YamlNode>();
        for (var item = Next(); item is not SequenceEnd; item = Next())
        {
            items.Add(Node(item, depth + 1));
        }

        return new YamlSequence(start.Start, items);
    }

    private YamlMapping Mapping(MappingStart start, int depth)
    {
        CheckTag(start, start.Tag, "tag:yaml.org,2002:map");
        var entries = new OrderedDictionary<string, YamlNode>();
        YamlNode? merge = null;
        for (var key = Next(); key is not MappingEnd; key = Next())
        {
            // Keys are text in JSON; each is kept as it was written.
            var name = Node(key, depth + 1) as YamlScalar ?? throw Refused(key.Start, "a key is a list or a mapping; expected text");
            var value = Node(Next(), depth + 1);
            var isMerge = key is Scalar { Style: ScalarStyle.Plain, Value: "<<" };
            if (isMerge ? merge is not null : !entries.TryAdd(name.Text, value))
            {
                throw Refused(key.Start, $"the key \"{name.Text}\" is there twice");
            }

            merge = isMerge ? value : merge;
        }

        Merge(merge, entries);
        return new YamlMapping(start.Start, entries);
    }

    /// <summary>The merge key of YAML 1.1: what the mapping says itself wins, then the first of the merged ones.</summary>
    private void Merge(YamlNode? merge, OrderedDictionary<string, YamlNode> entries)
    {
        IEnumerable<YamlNode> sources = merge is null ? [] : merge is YamlSequence sequence ? sequence.Items : [merge];
        foreach (var source in sources)
        {
            var merged = source as YamlMapping ?? throw Refused(source.At, "the merge key << expects a mapping or a list of mappings");
            foreach (var (name, value) in merged.Entries)
            {
                entries.TryAdd(name, value);
            }
        }
    }

    private void CheckTag(ParsingEvent at, TagName tag, string expected)
    {
        if (!tag.IsEmpty && tag.Value != "!" && tag.Value != expected)
        {
            throw Refused(at.Start, $"the tag {tag.Value} is not supported here");
        }
    }

    private void Weigh(Mark at, long weight)
    {
        _weight += weight;
        if (_weight > MaxWeight)
        {
            throw Refused(at, $"the document grows over {MaxWeight >> 20} MiB by its aliases");
        }
    }
}
