using System.Globalization;
using System.Net;
using System.Net.Sockets;
using KvmAgent.Images;

namespace KvmAgent.Settings;

/// <summary>Reads single values of each form that settings have; what is wrong goes to the errors, and the default stands in so that all errors are found.</summary>
internal sealed class SettingParser(SettingErrors errors)
{
    public SettingErrors Errors { get; } = errors;

    public long Size(GivenValue given, long minimum)
    {
        if (!Quantity.TryParse(given.Text, out var bytes))
        {
            Errors.Add(given.Origin, given.Text, "is not a quantity", "write for example 512Mi, 1Gi or 20G");
        }
        else if (bytes < minimum)
        {
            Errors.Add(given.Origin, given.Text, "is too small", $"give at least {Quantity.Format(minimum)}");
        }
        else
        {
            return bytes;
        }

        return minimum;
    }

    public int Integer(GivenValue given, int minimum, int maximum)
    {
        if (int.TryParse(given.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= minimum && value <= maximum)
        {
            return value;
        }

        Errors.Add(given.Origin, given.Text, "is not a number in range", $"give a whole number from {minimum} to {maximum}");
        return minimum;
    }

    public bool Boolean(GivenValue given)
    {
        if (given.Text is "true" or "false")
        {
            return given.Text == "true";
        }

        Errors.Add(given.Origin, given.Text, "is neither true nor false", "write true or false");
        return false;
    }

    public T Choice<T>(GivenValue given, params (string Name, T Value)[] choices)
    {
        foreach (var (name, value) in choices)
        {
            if (name == given.Text)
            {
                return value;
            }
        }

        Errors.Add(given.Origin, given.Text, "is not one of the choices", $"write {string.Join(" or ", choices.Select(c => c.Name))}");
        return choices[0].Value;
    }

    /// <summary>Seconds, or a number with s, m or h: <c>30</c>, <c>30s</c>, <c>2m</c>.</summary>
    public TimeSpan Duration(GivenValue given)
    {
        var unit = given.Text[^1] switch { 'h' => 3600, 'm' => 60, 's' => 1, _ => 0 };
        var digits = unit == 0 ? given.Text : given.Text[..^1];
        if (int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and < 100_000)
        {
            return TimeSpan.FromSeconds((long)number * Math.Max(unit, 1));
        }

        Errors.Add(given.Origin, given.Text, "is not a duration", "write seconds, or for example 30s, 2m or 1h");
        return TimeSpan.FromSeconds(30);
    }

    /// <summary>A path that does not depend on where the agent was started.</summary>
    public string FullPath(GivenValue given)
    {
        if (given.Text[0] != '/' || given.Text.Contains('\0', StringComparison.Ordinal))
        {
            Errors.Add(given.Origin, given.Text, "is not a full path", "begin it with /");
        }

        return given.Text;
    }

    /// <summary>A file that was asked for by name and must therefore be there.</summary>
    public string ExistingFile(GivenValue given)
    {
        var path = FullPath(given);
        if (!File.Exists(path))
        {
            Errors.Add(given.Origin, given.Text, "there is no such file", "mount it there, or unset the setting");
        }

        return path;
    }

    /// <summary>An http or https URL, or a full path.</summary>
    public string Source(GivenValue given)
    {
        if (given.Text[0] != '/' && !(Uri.TryCreate(given.Text, UriKind.Absolute, out var url) && IsSource(url)))
        {
            Errors.Add(
                given.Origin,
                SettingsSummary.WithoutSecrets(given.Text),
                "is neither a URL of an image (http, https, s3, oci, docker, file) nor a full path",
                "write https://host/image.qcow2 or /path/image.qcow2");
        }

        return given.Text;
    }

    private static bool IsSource(Uri url) =>
        url.Scheme is "http" or "https" or "s3" or "oci" or "docker" or "oci+http" or "docker+http" ? url.Host.Length > 0 : url is { IsFile: true, Host.Length: 0 };

    /// <summary>Null, and an error, where it is none.</summary>
    public Checksum? Checksum(GivenValue given)
    {
        if (!Images.Checksum.TryParse(given.Text, out var checksum))
        {
            Errors.Add(given.Origin, given.Text, "is not a checksum", Images.Checksum.Form);
        }

        return checksum;
    }

    /// <summary>Addresses and networks of either family, comma separated: <c>127.0.0.1,fd00::/8</c>.</summary>
    public IReadOnlyList<IPNetwork> Networks(GivenValue given)
    {
        var networks = new List<IPNetwork>();
        foreach (var item in given.Text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (TryParseNetwork(item, out var network))
            {
                networks.Add(network);
            }
            else
            {
                Errors.Add(given.Origin, given.Text, $"{item} is neither an address nor a network", "write for example 127.0.0.1 or 10.0.0.0/8");
            }
        }

        return networks;
    }

    /// <summary>A name within a directory: no separators, not hidden, nothing that a shell or a log would trip over.</summary>
    public string FileName(GivenValue given, string remedy)
    {
        var ok = given.Text.Length <= 200 && given.Text[0] != '.' && given.Text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '+');
        if (!ok)
        {
            Errors.Add(given.Origin, given.Text, "is not a plain file name", remedy);
        }

        return given.Text;
    }

    /// <summary>Stricter than the framework, to which "1" is 0.0.0.1: an allowance must not mean another address than one reads.</summary>
    private static bool TryParseNetwork(string text, out IPNetwork network)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var host = slash < 0 ? text : text[..slash];
        network = default;
        if (!IPAddress.TryParse(host, out var address) || host.AsSpan().ContainsAny("[]%")
            || (address.AddressFamily == AddressFamily.InterNetwork && address.ToString() != host))
        {
            return false;
        }

        var bits = address.GetAddressBytes().Length * 8;
        return IPNetwork.TryParse(slash < 0 ? $"{address}/{bits}" : $"{address}{text[slash..]}", out network);
    }
}
