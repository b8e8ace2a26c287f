using System.Text;

namespace KvmAgent.ConfigDrive.Iso;

/// <summary>
/// Names on the medium. Joliet has the true ones. The primary hierarchy allows capitals, digits and underscores, and in files one dot and
/// the version behind it (ECMA-119, 7.5), up to 30 characters: longer names are cut, and those that become one get a number. Joliet
/// allows the version too, but neither xorriso nor genisoimage writes it.
/// </summary>
internal static class IsoNames
{
    /// <summary>What a record has room for beside its Rock Ridge entries, and Joliet's longest name: twice that in bytes.</summary>
    public const int Longest = 103;

    private const int LongestPrimary = 30, LongestExtension = 10;

    public static IEnumerable<(IsoNode Child, byte[] Identifier)> Of(IsoNode directory, bool joliet)
    {
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var child in directory.Children)
        {
            if (joliet)
            {
                yield return (child, Encoding.BigEndianUnicode.GetBytes(child.Name));
                continue;
            }

            var (stem, extension) = Split(child);
            var name = Join(stem, "", extension);
            for (var number = 2; !taken.Add(name); number++)
            {
                name = Join(stem, $"{number}", extension);
            }

            yield return (child, Encoding.ASCII.GetBytes(child.IsDirectory ? name : $"{name};1"));
        }
    }

    private static (string Stem, string? Extension) Split(IsoNode node)
    {
        // A dot at the beginning makes no extension of all the rest.
        var dot = node.Name.LastIndexOf('.');
        return node.IsDirectory ? (Allowed(node.Name), null)
            : dot <= 0 ? (Allowed(node.Name), "")
            : (Allowed(node.Name[..dot]), Cut(Allowed(node.Name[(dot + 1)..]), LongestExtension));
    }

    private static string Join(string stem, string number, string? extension) =>
        Cut(stem, LongestPrimary - number.Length - (extension?.Length ?? 0)) + number + (extension is null ? "" : $".{extension}");

    private static string Allowed(string name) => new([.. name.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToUpperInvariant(c) : '_')]);

    private static string Cut(string text, int length) => text.Length <= length ? text : text[..length];
}
