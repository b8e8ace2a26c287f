using System.Net;

namespace KvmAgent.Network;

/// <summary>Host and domain names as they may be written into dnsmasq.conf: nothing but letters, digits, hyphens and underscores.</summary>
internal static class DomainName
{
    private const int LongestLabel = 63, LongestName = 253;

    /// <summary>Lower case without the trailing dot; null for what is no name: a bad character, a label too long, an IP address.</summary>
    public static string? Normalise(string text)
    {
        var name = text.ToLowerInvariant();
        name = name.EndsWith('.') ? name[..^1] : name;
        return name.Length <= LongestName && name.Split('.').All(IsLabel) && !IPAddress.TryParse(name, out _) ? name : null;
    }

    private static bool IsLabel(string label) =>
        label.Length is > 0 and <= LongestLabel && label[0] != '-' && label[^1] != '-'
        && label.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_');
}
