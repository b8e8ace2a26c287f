using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace KvmAgent.Documents;

/// <summary>Writes the JSON of the drive: indented, for people who look at it.</summary>
internal static class Json
{
    private static readonly JsonWriterOptions Options = new() { Indented = true, Encoder = new YamlSafeEncoder() };

    public static byte[] Write(Action<Utf8JsonWriter> value)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, Options))
        {
            value(json);
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    /// <summary>
    /// Escapes what YAML 1.1 wants escaped, as NoCloud's files are read by PyYAML, and no more. The ready encoders write 😀 as two
    /// escaped surrogates, which PyYAML takes for two broken characters, or make an SSH key's plus signs unreadable for HTML's sake.
    /// </summary>
    private sealed unsafe class YamlSafeEncoder : JavaScriptEncoder
    {
        public override int MaxOutputCharactersPerInputCharacter => 6;

        // https://yaml.org/spec/1.1/#c-printable without the line and paragraph separators, and the two that end JSON's strings.
        public override bool WillEncode(int unicodeScalar) => unicodeScalar
            is '"' or '\\' or < 0x20 or (>= 0x7F and < 0xA0) or 0x2028 or 0x2029 or 0xFEFF or 0xFFFE or 0xFFFF;

        public override int FindFirstCharacterToEncode(char* text, int textLength)
        {
            for (var i = 0; i < textLength; i++)
            {
                // The base class then reads a surrogate pair as one.
                if (WillEncode(text[i]) || char.IsSurrogate(text[i]))
                {
                    return i;
                }
            }

            return -1;
        }

        public override bool TryEncodeUnicodeScalar(int unicodeScalar, char* buffer, int bufferLength, out int numberOfCharactersWritten)
        {
            var target = new Span<char>(buffer, bufferLength);
            return unicodeScalar switch
            {
                '"' or '\\' => target.TryWrite($"\\{(char)unicodeScalar}", out numberOfCharactersWritten),
                '\n' => target.TryWrite($"\\n", out numberOfCharactersWritten),
                '\t' => target.TryWrite($"\\t", out numberOfCharactersWritten),
                _ => target.TryWrite(CultureInfo.InvariantCulture, $"\\u{unicodeScalar:X4}", out numberOfCharactersWritten),
            };
        }
    }
}
