using System.Globalization;
using System.Text;

namespace KvmAgent.Qemu;

/// <summary>A guest's text, made fit for a log or a table: it cannot move the cursor, fake a line or turn the writing around.</summary>
internal static class ConsoleText
{
    public static bool IsPrintable(Rune rune) => rune.IsAscii
        ? rune.Value is >= ' ' and < 0x7f
        : Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);

    /// <summary>Drops what is not printable, and what is beyond <paramref name="longest"/> characters.</summary>
    public static string Clean(string text, int longest)
    {
        var clean = new StringBuilder(Math.Min(text.Length, longest));
        foreach (var rune in text.EnumerateRunes())
        {
            if (clean.Length + rune.Utf16SequenceLength > longest)
            {
                break;
            }

            if (IsPrintable(rune))
            {
                clean.Append(rune.ToString());
            }
        }

        return clean.ToString();
    }
}
