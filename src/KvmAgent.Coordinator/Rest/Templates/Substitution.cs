using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace KvmAgent.Coordinator.Rest.Templates;

/// <summary>
/// Values in the place of their names, as OpenShift has it: <c>${NAME}</c> anywhere in a string or a key, and <c>${{NAME}}</c>, as a whole
/// string, for what is a number, true or false. It is done in strings that have been parsed, and once: a value never becomes an
/// object or a list, and a name in a value stays one.
/// </summary>
internal static partial class Substitution
{
    /// <summary>What values may add, in characters: a megabyte that has a long one a thousand times would else be a gigabyte.</summary>
    public const int MostCharacters = 1 << 20;

    /// <returns>The names that stand in it.</returns>
    public static IReadOnlySet<string> Names(JsonNode? node)
    {
        var names = new SortedSet<string>(StringComparer.Ordinal);
        Collect(node, names);
        return names;
    }

    /// <param name="values">By name; a name that is not among them stays as it is.</param>
    /// <returns>Another object.</returns>
    /// <exception cref="CoordinatorException">A value does not fit where it is to stand.</exception>
    public static JsonObject Apply(JsonObject template, IReadOnlyDictionary<string, string> values)
    {
        var left = MostCharacters;
        return Map(template);

        JsonNode? Of(JsonNode? node) => node switch
        {
            JsonObject map => Map(map),
            JsonArray list => new JsonArray([.. list.Select(Of)]),
            JsonValue value when value.GetValueKind() == JsonValueKind.String => Whole(value.GetValue<string>()),
            _ => node?.DeepClone(),
        };

        JsonObject Map(JsonObject map)
        {
            var made = new JsonObject();
            foreach (var (key, value) in map)
            {
                var name = Text(key);
                if (!made.TryAdd(name, Of(value)))
                {
                    throw new CoordinatorException(FailureReason.BadRequest, $"the template has {key} beside what becomes the same key; give its parameters values that differ");
                }
            }

            return made;
        }

        JsonNode? Whole(string text)
        {
            if (Bare().Match(text) is not { Success: true } match || !values.TryGetValue(match.Groups[1].Value, out var value))
            {
                return Text(text);
            }

            // The value itself may be a password that was put into the wrong place, and errors are logged.
            return NumberOrTruth(value) ?? throw new CoordinatorException(
                FailureReason.BadRequest, $"parameters.{match.Groups[1].Value} is no number, true or false, and stands as {text}; give one of these, or write ${{{match.Groups[1].Value}}} in the template");
        }

        string Text(string text) => Quoted().Replace(text, match =>
        {
            if (!values.TryGetValue(match.Groups[1].Value, out var value))
            {
                return match.Value;
            }

            left -= value.Length;
            return left >= 0 ? value : throw new CoordinatorException(
                FailureReason.BadRequest, $"the template's parameters make it longer by more than {MostCharacters >> 20} MiB; give shorter values, or use them less often");
        });
    }

    private static void Collect(JsonNode? node, SortedSet<string> names)
    {
        switch (node)
        {
            case JsonObject map:
                foreach (var (key, value) in map)
                {
                    names.UnionWith(Quoted().Matches(key).Select(static m => m.Groups[1].Value));
                    Collect(value, names);
                }

                break;
            case JsonArray list:
                foreach (var item in list)
                {
                    Collect(item, names);
                }

                break;
            case JsonValue value when value.GetValueKind() == JsonValueKind.String:
                var text = value.GetValue<string>();
                names.UnionWith(Quoted().Matches(text).Concat(Bare().Matches(text)).Select(static m => m.Groups[1].Value));
                break;
        }
    }

    private static JsonNode? NumberOrTruth(string text)
    {
        try
        {
            return JsonNode.Parse(text) is JsonValue value && value.GetValueKind() is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False ? JsonNode.Parse(text) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    [GeneratedRegex(@"\$\{([a-zA-Z0-9_]+)\}", RegexOptions.CultureInvariant)]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\A\$\{\{([a-zA-Z0-9_]+)\}\}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Bare();
}
