using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>Go's durations: <c>1h5m0.5s</c>, and in JSON also a number of nanoseconds.</summary>
internal static partial class GoDuration
{
    private const double MostSeconds = 365 * 24 * 3600.0;

    public static bool TryParse(JsonNode node, out TimeSpan duration)
    {
        duration = default;
        if (node is not JsonValue value)
        {
            return false;
        }

        var seconds = value.TryGetValue(out long nanoseconds) ? nanoseconds / 1e9
            : value.TryGetValue(out string? text) && Whole().IsMatch(text) ? Parts().Matches(text).Sum(Seconds)
            : double.NaN;
        if (double.IsNaN(seconds) || seconds < 0 || seconds > MostSeconds)
        {
            return false;
        }

        duration = TimeSpan.FromSeconds(seconds);
        return true;
    }

    private static double Seconds(Match part) => double.Parse(part.Groups[1].Value, CultureInfo.InvariantCulture) * part.Groups[2].Value switch
    {
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        "ms" => 1e-3,
        "ns" => 1e-9,
        _ => 1e-6,
    };

    [GeneratedRegex(@"^([0-9]{1,12}(\.[0-9]{1,9})?(h|m|s|ms|us|µs|ns)){1,8}$", RegexOptions.CultureInvariant)]
    private static partial Regex Whole();

    [GeneratedRegex(@"([0-9]+(?:\.[0-9]+)?)(ms|us|µs|ns|h|m|s)", RegexOptions.CultureInvariant)]
    private static partial Regex Parts();
}
