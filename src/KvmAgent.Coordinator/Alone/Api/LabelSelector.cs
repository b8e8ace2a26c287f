using System.Text.RegularExpressions;

namespace KvmAgent.Coordinator.Alone.Api;

/// <summary>Kubernetes' label selectors: <c>a=b</c>, <c>a!=b</c>, <c>a in (b,c)</c>, <c>a notin (b,c)</c>, <c>a</c>, <c>!a</c>, by commas.</summary>
internal sealed partial class LabelSelector
{
    private readonly List<(string Key, string Operator, string[] Values)> _all = [];

    /// <exception cref="CoordinatorException">It is none.</exception>
    public static LabelSelector Parse(string text)
    {
        var selector = new LabelSelector();
        var rest = text;
        while (rest.Length > 0)
        {
            var match = Requirement().Match(rest);
            if (!match.Success)
            {
                throw new CoordinatorException(FailureReason.BadRequest, $"labelSelector \"{text}\" is none at \"{rest}\"; write such as app=web,tier in (a,b)");
            }

            selector._all.Add(Of(match));
            rest = rest[match.Length..];
        }

        return selector;
    }

    public bool Matches(IReadOnlyDictionary<string, string>? labels) => _all.All(r =>
    {
        var value = labels?.GetValueOrDefault(r.Key);
        return r.Operator switch
        {
            "exists" => value is not null,
            "absent" => value is null,
            "in" => value is not null && r.Values.Contains(value),
            // As Kubernetes has it: also where the label is not there.
            _ => value is null || !r.Values.Contains(value),
        };
    });

    private static (string Key, string Operator, string[] Values) Of(Match match)
    {
        var key = match.Groups["key"].Value;
        if (match.Groups["set"].Success)
        {
            return (key, match.Groups["set"].Value, match.Groups["values"].Value.Split(',', StringSplitOptions.TrimEntries));
        }

        return match.Groups["op"].Success
            ? (key, match.Groups["op"].Value == "!=" ? "notin" : "in", [match.Groups["value"].Value])
            : (key, match.Groups["not"].Success ? "absent" : "exists", []);
    }

    [GeneratedRegex(
        @"\A\s*(?<not>!\s*)?(?<key>[A-Za-z0-9][-A-Za-z0-9_./]*)\s*(?:(?<op>==|=|!=)\s*(?<value>[-A-Za-z0-9_.]*)|(?<set>in|notin)\s*\((?<values>[-A-Za-z0-9_.,\s]*)\))?\s*(?:,|\z)",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Requirement();
}
