using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace KvmAgent.Qemu;

/// <summary>The JSON of QMP. What QEMU sends is either an event, an error or a result.</summary>
internal readonly record struct QmpMessage(QmpEvent? Event, QmpException? Error, JsonElement Result, long Id)
{
    public static ReadOnlyMemory<byte> Command(string name, Action<Utf8JsonWriter>? arguments, long? id = null)
    {
        var text = new ArrayBufferWriter<byte>(128);
        using (var writer = new Utf8JsonWriter(text))
        {
            writer.WriteStartObject();
            writer.WriteString("execute", name);
            if (arguments is not null)
            {
                writer.WriteStartObject("arguments");
                arguments(writer);
                writer.WriteEndObject();
            }

            if (id is { } number)
            {
                writer.WriteNumber("id", number);
            }

            writer.WriteEndObject();
        }

        text.Write("\n"u8);
        return text.WrittenMemory;
    }

    /// <exception cref="IOException">It is not QMP.</exception>
    public static QmpMessage Parse(ReadOnlyMemory<byte> line) => Read(line, static message =>
    {
        if (message.TryGetProperty("event", out _))
        {
            var data = message.TryGetProperty("data", out var found) ? found.Clone() : default;
            return new QmpMessage(new QmpEvent(Text(message, "event"), data, Time(message.GetProperty("timestamp"))), null, default, 0);
        }

        // Without an id: QEMU could not parse the command, which is a fault of ours and of nobody who waits.
        var id = message.TryGetProperty("id", out var number) ? number.GetInt64() : 0;
        return TryError(message) is { } error
            ? new QmpMessage(null, error, default, id)
            : new QmpMessage(null, null, message.GetProperty("return").Clone(), id);
    });

    /// <returns>The version that QEMU greets with.</returns>
    /// <exception cref="IOException">It is not QMP.</exception>
    public static string Greeting(ReadOnlyMemory<byte> line) => Read(line, static message =>
    {
        var version = message.GetProperty("QMP").GetProperty("version").GetProperty("qemu");
        int Part(string name) => version.GetProperty(name).GetInt32();
        return string.Create(CultureInfo.InvariantCulture, $"{Part("major")}.{Part("minor")}.{Part("micro")}");
    });

    /// <returns>Null where the message is no error.</returns>
    public static QmpException? TryError(JsonElement message) => message.TryGetProperty("error", out var error)
        ? new QmpException(Text(error, "class"), Text(error, "desc"))
        : null;

    public static string Text(JsonElement value, string name) =>
        value.GetProperty(name).GetString() ?? throw new FormatException($"{name} is null");

    /// <summary>Reads what must have a certain shape.</summary>
    /// <exception cref="IOException">It has not.</exception>
    public static T Shape<T>(JsonElement value, Func<JsonElement, T> read)
    {
        try
        {
            return read(value);
        }
        catch (Exception e) when (
            e is KeyNotFoundException or InvalidOperationException or FormatException or OverflowException or ArgumentException)
        {
            throw new IOException($"an answer has an unexpected shape: {e.Message}", e);
        }
    }

    private static T Read<T>(ReadOnlyMemory<byte> line, Func<JsonElement, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return Shape(document.RootElement, read);
        }
        catch (JsonException e)
        {
            throw new IOException($"a message is not JSON: {e.Message}", e);
        }
    }

    private static DateTimeOffset Time(JsonElement timestamp) =>
        DateTimeOffset.FromUnixTimeSeconds(timestamp.GetProperty("seconds").GetInt64())
            .AddMicroseconds(timestamp.GetProperty("microseconds").GetInt64());
}
