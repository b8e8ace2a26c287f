using System.Globalization;
using System.Text.RegularExpressions;

namespace KvmAgent.Images.Conversion;

/// <summary>Reads what qemu-img -p writes: <c>    (12.34/100%)</c> and a carriage return. Anything else is let pass.</summary>
internal static partial class QemuImgProgress
{
    private const int LongestLine = 64;

    public static async Task FollowAsync(StreamReader output, IProgress<double>? percent)
    {
        var line = new char[LongestLine];
        var length = 0;
        var buffer = new char[1024];
        while (await output.ReadAsync(buffer).ConfigureAwait(false) is var count and > 0)
            for (var i = 0; i < count; i++)
            {
                if (buffer[i] is '\r' or '\n')
                {
                    if (length <= LongestLine && Parse(line.AsSpan(0, length)) is { } value)
                        percent?.Report(value);
                    length = 0;
                }
                else if (length < LongestLine)
                    line[length++] = buffer[i];
                else
                    length = LongestLine + 1;
            }
    }

    /// <summary>Null for what is no progress.</summary>
    public static double? Parse(ReadOnlySpan<char> line) =>
        Line().IsMatch(line) && double.Parse(line[..line.IndexOf('/')].TrimStart(" ("), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture) is <= 100 and var value
            ? value
            : null;

    [GeneratedRegex(@"\A *\([0-9]{1,3}\.[0-9]{2}/100%\)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Line();
}
