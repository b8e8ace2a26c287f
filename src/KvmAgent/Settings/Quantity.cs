using System.Globalization;
using System.Numerics;

namespace KvmAgent.Settings;

/// <summary>Kubernetes' resource quantities, as bytes: <c>1Gi</c>, <c>512M</c>, <c>1.5Gi</c>, <c>1e9</c>, <c>1073741824</c>.</summary>
internal static class Quantity
{
    private static readonly (string Suffix, decimal Factor)[] Suffixes =
    [
        ("Ki", 1L << 10), ("Mi", 1L << 20), ("Gi", 1L << 30), ("Ti", 1L << 40), ("Pi", 1L << 50), ("Ei", 1L << 60),
        ("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000), ("P", 1_000_000_000_000_000),
        ("E", 1_000_000_000_000_000_000),
        // Kubernetes writes these where an amount has fractions: 1.5 GiB in thirds is 536870912500m.
        ("m", 1e-3m), ("u", 1e-6m), ("n", 1e-9m),
    ];

    /// <summary>Fractions of a byte are rounded up, as Kubernetes does.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        var (suffix, factor) = Suffixes.FirstOrDefault(s => text.EndsWith(s.Suffix, StringComparison.Ordinal), ("", 1));
        var number = text[..^suffix.Length];
        var style = suffix.Length == 0 ? NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent : NumberStyles.AllowDecimalPoint;
        if (number.Length is 0 or > 30 || !decimal.TryParse(number, style, CultureInfo.InvariantCulture, out var value))
        {
            return false;
        }

        try
        {
            bytes = (long)decimal.Ceiling(value * factor);
            return true;
        }
        catch (OverflowException)
        {
            return false;
        }
    }

    /// <summary>The shortest exact form: <c>1Gi</c>, <c>1536Mi</c>, or plain bytes.</summary>
    public static string Format(long bytes)
    {
        var power = bytes == 0 ? 0 : Math.Min(BitOperations.TrailingZeroCount(bytes) / 10, 6);
        return power == 0
            ? bytes.ToString(CultureInfo.InvariantCulture)
            : (bytes >> (10 * power)).ToString(CultureInfo.InvariantCulture) + Suffixes[power - 1].Suffix;
    }

    /// <summary>For people, to three digits: <c>1.25 GiB</c>.</summary>
    public static string Human(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        var unit = 0;
        double value = bytes;
        for (; value >= 1024 && unit < units.Length - 1; unit++)
        {
            value /= 1024;
        }

        var digits = unit == 0 || value >= 100 ? "0" : value >= 10 ? "0.0" : "0.00";
        return $"{value.ToString(digits, CultureInfo.InvariantCulture)} {units[unit]}";
    }
}
