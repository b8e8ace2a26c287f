using System.Text.Encodings.Web;
using System.Text.Json;

namespace KvmAgent.ConfigDrive.Yaml;

internal static class Json
{
    /// <summary>For people to read on the drive: indented, and an SSH key's plus signs are not escaped, which only HTML would need.</summary>
    private static readonly JsonWriterOptions Options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

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
}
