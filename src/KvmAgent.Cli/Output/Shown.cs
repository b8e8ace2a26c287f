using System.Globalization;
using System.Text;

namespace KvmAgent.Cli.Output;

/// <summary>Values as people read them.</summary>
internal static class Shown
{
    /// <summary>
    /// Without what a terminal would obey, or what turns the direction of writing: names come from other people, and some of them from guests.
    /// </summary>
    public static string Clean(string? text) => text is null ? "" : string.Concat(text.EnumerateRunes().Select(static r => IsPlain(r) ? r.ToString() : "?"));

    /// <summary>As kubectl has it: the two largest units, or one where it is long ago.</summary>
    public static string Age(DateTimeOffset? since, DateTimeOffset now)
    {
        if (since is null)
        {
            return "";
        }

        var age = now - since.Value;
        return age < TimeSpan.FromMinutes(2) ? Unit(Math.Max(0, age.TotalSeconds), "s")
            : age < TimeSpan.FromHours(3) ? Unit(age.TotalMinutes, "m")
            : age < TimeSpan.FromDays(2) ? Unit(age.TotalHours, "h")
            : age < TimeSpan.FromDays(730) ? Unit(age.TotalDays, "d")
            : Unit(age.TotalDays / 365, "y");
    }

    /// <summary>In the largest unit of 1024 that leaves no more than one digit behind the point.</summary>
    public static string Bytes(long? bytes)
    {
        if (bytes is not { } count)
        {
            return "";
        }

        string[] units = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];
        var (value, unit) = ((double)count, 0);
        while (value >= 1024 && unit < units.Length - 1)
        {
            (value, unit) = (value / 1024, unit + 1);
        }

        return value.ToString("0.#", CultureInfo.InvariantCulture) + units[unit];
    }

    private static string Unit(double value, string unit) => Math.Floor(value).ToString(CultureInfo.InvariantCulture) + unit;

    private static bool IsPlain(Rune r) => Rune.GetUnicodeCategory(r) is not
        (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate
        or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);
}
