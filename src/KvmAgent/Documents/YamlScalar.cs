using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using YamlDotNet.Core;

namespace KvmAgent.Documents;

internal enum ScalarKind
{
    Text,
    Null,
    Boolean,
    Integer,
    Float,
}

/// <summary>
/// A scalar and what it means in JSON. Quoted scalars are text. Plain ones are read so that nobody loses what was written:
/// <list type="bullet">
/// <item>A number is what YAML 1.1 (PyYAML, hence cloud-init) and YAML 1.2 both read as the same number, with its digits kept: 1.10
/// stays 1.10, and no integer is too big. What only one of them takes for a number stays text: 017, 0o17, 0b1, 1_000, and 12:30:00,
/// which 1.1 counts in sixties, as it does some MAC addresses. 1e3 is a number although 1.1 says no, because JSON says yes.</item>
/// <item>true, false, yes, no, on and off are booleans as in 1.1: cloud-init reads them so, and a guest that got the text "no" would
/// take it for true. Who means Norway writes "no" in quotes, as for cloud-init.</item>
/// <item>Dates are text, which JSON has no other form for; so are .inf and .nan.</item>
/// </list>
/// </summary>
internal sealed partial class YamlScalar : YamlNode
{
    private const string TagPrefix = "tag:yaml.org,2002:";

    private readonly string _value;

    private YamlScalar(Mark at, string text, ScalarKind kind, string value)
        : base(at)
    {
        Text = text;
        Kind = kind;
        _value = value;
        Count(text);
    }

    /// <summary>As it was written, whatever it means.</summary>
    public string Text { get; }

    public ScalarKind Kind { get; }

    /// <param name="at">Where it starts.</param>
    /// <param name="text">Its text without quotes.</param>
    /// <param name="plain">Whether it was written without quotes.</param>
    /// <param name="tag">Its tag, empty for none.</param>
    /// <returns>Null where the tag is unknown or does not fit the text.</returns>
    public static YamlScalar? Create(Mark at, string text, bool plain, string tag)
    {
        var (kind, value) = Resolve(text);
        return tag switch
        {
            "" when plain => new YamlScalar(at, text, kind, value),
            "" or "!" or TagPrefix + "str" or TagPrefix + "timestamp" => new YamlScalar(at, text, ScalarKind.Text, text),
            TagPrefix + "int" when kind is ScalarKind.Integer => new YamlScalar(at, text, kind, value),
            TagPrefix + "float" when kind is ScalarKind.Integer or ScalarKind.Float => new YamlScalar(at, text, kind, value),
            TagPrefix + "bool" when kind is ScalarKind.Boolean => new YamlScalar(at, text, kind, value),
            TagPrefix + "null" when kind is ScalarKind.Null => new YamlScalar(at, text, kind, value),
            TagPrefix + "binary" => Binary(at, text),
            _ => null,
        };
    }

    public override void WriteTo(Utf8JsonWriter json)
    {
        if (Kind is ScalarKind.Text)
        {
            json.WriteStringValue(_value);
        }
        else
        {
            json.WriteRawValue(_value);
        }
    }

    /// <summary>JSON has no bytes: they stay base64, as OpenStack's random_seed wants them.</summary>
    private static YamlScalar? Binary(Mark at, string text)
    {
        var base64 = string.Concat(text.Where(c => !char.IsWhiteSpace(c)));
        return System.Buffers.Text.Base64.IsValid(base64) ? new YamlScalar(at, text, ScalarKind.Text, base64) : null;
    }

    private static (ScalarKind Kind, string Value) Resolve(string text)
    {
        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return (ScalarKind.Null, "null");
            case "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON":
                return (ScalarKind.Boolean, "true");
            case "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF":
                return (ScalarKind.Boolean, "false");
        }

        // Longer ones are hashes and keys rather than numbers.
        if (Hexadecimal().IsMatch(text))
        {
            return (ScalarKind.Integer, ulong.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture));
        }

        var match = Number().Match(text);
        if (!match.Success)
        {
            return (ScalarKind.Text, text);
        }

        string Part(string name) => match.Groups[name].Value;
        var sign = Part("sign") is "-" ? "-" : "";
        var whole = Part("whole") is "" ? "0" : Part("whole");
        var fraction = Part("fraction") is "." ? ".0" : Part("fraction");
        var kind = fraction is "" && Part("exponent") is "" ? ScalarKind.Integer : ScalarKind.Float;
        return (kind, sign + whole + fraction + Part("exponent"));
    }

    [GeneratedRegex(@"\A0x[0-9a-fA-F]{1,16}\z")]
    private static partial Regex Hexadecimal();

    [GeneratedRegex(@"\A(?<sign>[-+]?)(?=\.?[0-9])(?<whole>0|[1-9][0-9]*|)(?<fraction>\.[0-9]*|)(?<exponent>[eE][-+]?[0-9]+|)\z")]
    private static partial Regex Number();
}
