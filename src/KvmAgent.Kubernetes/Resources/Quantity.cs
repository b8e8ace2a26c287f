using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace KvmAgent.Kubernetes.Resources;

/// <summary>
/// A Kubernetes quantity (<c>512Mi</c>, <c>1.5G</c>, <c>100m</c>), kept as it was written; manifests may also have a plain number. It is
/// not checked before its value is asked for.
/// </summary>
[JsonConverter(typeof(QuantityJsonConverter))]
public readonly record struct Quantity(string Text)
{
    private static readonly Dictionary<string, decimal> Factors = new()
    {
        [""] = 1,
        ["m"] = 0.001m,
        ["u"] = 0.000001m,
        ["n"] = 0.000000001m,
        ["k"] = 1e3m,
        ["M"] = 1e6m,
        ["G"] = 1e9m,
        ["T"] = 1e12m,
        ["P"] = 1e15m,
        ["E"] = 1e18m,
        ["Ki"] = 1L << 10,
        ["Mi"] = 1L << 20,
        ["Gi"] = 1L << 30,
        ["Ti"] = 1L << 40,
        ["Pi"] = 1L << 50,
        ["Ei"] = 1L << 60,
    };

    /// <summary>Whole MiB or GiB where it is that, else bytes.</summary>
    public static Quantity OfBytes(long bytes) => new(
        bytes % (1L << 30) == 0 && bytes > 0 ? string.Create(CultureInfo.InvariantCulture, $"{bytes >> 30}Gi")
        : bytes % (1L << 20) == 0 && bytes > 0 ? string.Create(CultureInfo.InvariantCulture, $"{bytes >> 20}Mi")
        : bytes.ToString(CultureInfo.InvariantCulture));

    /// <summary>The value, where it is one.</summary>
    public bool TryValue(out decimal value)
    {
        value = 0;
        var text = Text ?? "";
        var end = text.Length;
        while (end > 0 && !char.IsAsciiDigit(text[end - 1]) && text[end - 1] != '.')
        {
            end--;
        }

        // An exponent is part of the number: 1e3.
        const NumberStyles form = NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign | NumberStyles.AllowExponent;
        return Factors.TryGetValue(text[end..], out var factor)
            && decimal.TryParse(text.AsSpan(0, end), form, CultureInfo.InvariantCulture, out var number)
            && TryMultiply(number, factor, out value);
    }

    /// <summary>The value as a whole number of bytes, rounded up; false for what is no quantity, negative or beyond 2^63.</summary>
    public bool TryBytes(out long bytes)
    {
        bytes = 0;
        if (!TryValue(out var value) || value < 0 || value > long.MaxValue)
        {
            return false;
        }

        bytes = (long)decimal.Ceiling(value);
        return true;
    }

    public override string ToString() => Text;

    private static bool TryMultiply(decimal number, decimal factor, out decimal value)
    {
        try
        {
            value = number * factor;
            return true;
        }
        catch (OverflowException)
        {
            value = 0;
            return false;
        }
    }
}

/// <summary>Reads a text or a number, writes a text.</summary>
public sealed class QuantityJsonConverter : JsonConverter<Quantity>
{
    public override Quantity Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.String => new Quantity(reader.GetString()!),
        JsonTokenType.Number => new Quantity(JsonElement.ParseValue(ref reader).GetRawText()),
        _ => throw new JsonException("a quantity is a text or a number"),
    };

    public override void Write(Utf8JsonWriter writer, Quantity value, JsonSerializerOptions options) => writer.WriteStringValue(value.Text);
}
