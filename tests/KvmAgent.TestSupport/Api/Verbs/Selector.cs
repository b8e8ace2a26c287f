using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>A labelSelector and a fieldSelector, parsed.</summary>
internal sealed class Selector
{
    private readonly List<Func<Stored, bool>> _all = [];

    private Selector()
    {
    }

    public bool Everything => _all.Count == 0;

    public static Selector Parse(ResourceType type, string? labels, string? fields)
    {
        var selector = new Selector();
        foreach (var requirement in SplitOutsideParentheses(labels ?? ""))
        {
            selector._all.Add(Label(requirement.Trim()));
        }

        foreach (var requirement in (fields ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            selector._all.Add(Field(type, requirement));
        }

        return selector;
    }

    /// <summary>Of metav1.LabelSelector, as a PodDisruptionBudget has it.</summary>
    public static bool Matches(JsonObject? labelSelector, IReadOnlyDictionary<string, string> labels) =>
        (labelSelector.Object("matchLabels") ?? []).All(l => labels.GetValueOrDefault(l.Key) == l.Value.Text())
        && (labelSelector.Array("matchExpressions") ?? []).All(e => (e.Text("operator"), labels.TryGetValue(e.Text("key") ?? "", out var value)) switch
        {
            ("Exists", var has) => has,
            ("DoesNotExist", var has) => !has,
            ("In", var has) => has && e.Texts("values").Contains(value),
            (_, var has) => !has || !e.Texts("values").Contains(value),
        });

    public bool Matches(Stored stored)
    {
        foreach (var requirement in _all)
        {
            if (!requirement(stored))
            {
                return false;
            }
        }

        return true;
    }

    private static Func<Stored, bool> Label(string requirement)
    {
        var words = requirement.Split(' ', 3, StringSplitOptions.RemoveEmptyEntries);
        if (words is [var set, "in" or "notin", ['(', .., ')']])
        {
            var values = words[2][1..^1].Split(',').Select(static v => v.Trim()).ToHashSet();
            return words[1] == "in"
                ? o => o.Labels.TryGetValue(set, out var value) && values.Contains(value)
                : o => !o.Labels.TryGetValue(set, out var value) || !values.Contains(value);
        }

        var plain = requirement.Replace(" ", "", StringComparison.Ordinal);
        var (key, operation, wanted) = Operator(plain);
        if (key.Length == 0 || key.AsSpan().ContainsAny("()=!"))
        {
            throw ApiError.Unknown(400, "BadRequest", $"unable to parse requirement: {requirement}");
        }

        return operation switch
        {
            "=" => o => o.Labels.TryGetValue(key, out var value) && value == wanted,
            "!=" => o => !o.Labels.TryGetValue(key, out var value) || value != wanted,
            "!" => o => !o.Labels.ContainsKey(key),
            _ => o => o.Labels.ContainsKey(key),
        };
    }

    private static Func<Stored, bool> Field(ResourceType type, string requirement)
    {
        var (path, operation, wanted) = Operator(requirement);
        if (operation is not ("=" or "!="))
        {
            throw ApiError.Unknown(400, "BadRequest", $"invalid selector: '{requirement}'; can't understand '{requirement}'");
        }

        if (path is not "metadata.name" and not "metadata.namespace" && !type.Selectable.Contains(path))
        {
            throw ApiError.Unknown(400, "BadRequest", $"field label not supported: {path} ({type.Qualified})");
        }

        Func<Stored, string> value = path switch
        {
            "metadata.name" or "name" => static o => o.Name,
            "metadata.namespace" => static o => o.Namespace,
            "source" => static o => o.Json.Text("source", "component") ?? "",
            _ => Reader(path.Split('.')),
        };
        return operation == "=" ? o => value(o) == wanted : o => value(o) != wanted;
    }

    private static Func<Stored, string> Reader(string[] steps) => o => o.Json.At(steps) switch
    {
        null => "",
        JsonValue v when v.TryGetValue<string>(out var text) => text,
        var other => other.ToJsonString(),
    };

    private static (string Key, string Operation, string Value) Operator(string requirement)
    {
        if (requirement.StartsWith('!'))
        {
            return (requirement[1..], "!", "");
        }

        var at = requirement.IndexOf('=', StringComparison.Ordinal);
        if (at < 0)
        {
            return (requirement, "", "");
        }

        return requirement[at - (at > 0 ? 1 : 0)] == '!'
            ? (requirement[..(at - 1)], "!=", requirement[(at + 1)..])
            : (requirement[..at], "=", requirement[(at + 1)..].TrimStart('='));
    }

    private static IEnumerable<string> SplitOutsideParentheses(string text)
    {
        int depth = 0, begin = 0;
        for (var i = 0; i <= text.Length; i++)
        {
            if (i == text.Length || (text[i] == ',' && depth == 0))
            {
                if (i > begin)
                {
                    yield return text[begin..i];
                }

                begin = i + 1;
            }
            else
            {
                depth += text[i] switch { '(' => 1, ')' => -1, _ => 0 };
            }
        }
    }
}
