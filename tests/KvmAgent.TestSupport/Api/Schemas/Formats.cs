using System.Globalization;
using System.Net;

namespace KvmAgent.TestSupport.Api;

/// <summary>The formats that are looked at; others are, as by the real server, passed over.</summary>
internal static class Formats
{
    public static bool Holds(string format, string text) => format switch
    {
        "date-time" => text.Contains('T', StringComparison.Ordinal) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out _),
        "date" => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _),
        "ipv4" => IPAddress.TryParse(text, out var address) && address.GetAddressBytes().Length == 4,
        "ipv6" => IPAddress.TryParse(text, out var address) && address.GetAddressBytes().Length == 16,
        "cidr" => IPNetwork.TryParse(text, out _),
        "uuid" => Guid.TryParse(text, out _),
        "byte" => Convert.TryFromBase64String(text, new byte[text.Length], out _),
        _ => true,
    };
}
