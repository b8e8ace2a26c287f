using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace KvmAgent.Coordinator.Rest.Templates;

/// <summary>A parameter's value that is made up each time: OpenShift's expressions, such as <c>vm-[a-z0-9]{8}</c>; what is no expression stays as it is.</summary>
internal sealed partial class GeneratedText
{
    /// <summary>OpenShift's, of each expression.</summary>
    private const int LongestPart = 255;

    private const string Letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", Digits = "0123456789", Symbols = "~!@#$%^&*()-_+={}[]\\|<,>.?/\"';:`";

    private readonly IReadOnlyList<(string Characters, int Count)> _parts;

    private GeneratedText(IReadOnlyList<(string Characters, int Count)> parts) => _parts = parts;

    /// <exception cref="FormatException">It is no expression; the text says what is.</exception>
    public static GeneratedText Of(string from)
    {
        var parts = new List<(string, int)>();
        var at = 0;
        foreach (Match match in Expression().Matches(from))
        {
            Literal(from[at..match.Index]);
            parts.Add((Characters(match.Groups["set"].Value), int.TryParse(match.Groups["count"].ValueSpan, out var count) && count is > 0 and <= LongestPart ? count
                : throw new FormatException($"{match.Value} makes none or more than {LongestPart} characters")));
            at = match.Index + match.Length;
        }

        Literal(from[at..]);
        return new GeneratedText(parts);

        void Literal(string text)
        {
            // A password that is the same each time, and known, would come of it.
            if (text.Contains('[', StringComparison.Ordinal))
            {
                throw new FormatException($"{text} has a [ that begins no expression; write such as [a-zA-Z0-9]{{8}}");
            }

            parts.AddRange(text.Select(static c => (c.ToString(), 1)));
        }
    }

    public string Next() => string.Concat(_parts.Select(static p => RandomNumberGenerator.GetString(p.Characters, p.Count)));

    private static string Characters(string set) => string.Concat(Range().Matches(set).Select(m => m.Value switch
    {
        @"\w" => Letters + Digits + "_",
        @"\d" => Digits,
        @"\a" => Letters + Digits,
        @"\A" => Symbols,
        [var only] => only.ToString(),
        [var first, '-', var last] when first <= last => string.Concat(Enumerable.Range(first, last - first + 1).Select(static c => (char)c).Where(char.IsAsciiLetterOrDigit)),
        var other => throw new FormatException($"{other} in [{set}] is no range; write such as a-z, 0-9, \\w, \\d, \\a or \\A"),
    }).Distinct());

    [GeneratedRegex(@"\[(?<set>(?:\\[wdaA]|[a-zA-Z0-9]-[a-zA-Z0-9]|[a-zA-Z0-9])+)\]\{(?<count>[0-9]+)\}", RegexOptions.CultureInvariant)]
    private static partial Regex Expression();

    [GeneratedRegex(@"\\[wdaA]|[a-zA-Z0-9]-[a-zA-Z0-9]|[a-zA-Z0-9]", RegexOptions.CultureInvariant)]
    private static partial Regex Range();
}
