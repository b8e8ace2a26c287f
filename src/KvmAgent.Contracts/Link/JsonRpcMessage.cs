using System.Buffers;
using System.Text.Json;

namespace KvmAgent.Contracts.Link;

/// <summary>One message of JSON-RPC 2.0: a request (with a method; without an id nobody wants an answer), a reply, or a fault (neither).</summary>
/// <param name="Method">Null of a reply and of what makes no sense.</param>
/// <param name="Id">As it came; null where there is none.</param>
/// <param name="Parameters">Of a request; of a reply its result.</param>
/// <param name="Error">Of a reply; of a fault what is wrong with it.</param>
internal readonly record struct JsonRpcMessage(string? Method, JsonElement? Id, JsonElement Parameters, LinkError? Error, bool IsReply)
{
    private const int LongestId = 128;

    private static readonly JsonElement Nothing = JsonElement.Parse("null");

    public static JsonRpcMessage Fault(int code, string message, JsonElement? id = null) => new(null, id, default, new LinkError(code, message), IsReply: false);

    public static JsonRpcMessage Parse(ReadOnlyMemory<byte> text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return Read(document.RootElement.Clone());
        }
        catch (JsonException e)
        {
            return Fault(LinkErrors.ParseError, $"a message is not JSON: {e.Message}");
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair where a name is.
            return Fault(LinkErrors.InvalidRequest, "a message has text that is no Unicode");
        }
    }

    public static ReadOnlyMemory<byte> Request(long id, string method, JsonElement parameters) => Write(json =>
    {
        json.WriteNumber("id", id);
        json.WriteString("method", method);
        json.WritePropertyName("params");
        parameters.WriteTo(json);
    });

    public static ReadOnlyMemory<byte> Reply(JsonElement? id, JsonElement result) => Write(json =>
    {
        json.WritePropertyName("id");
        (id ?? Nothing).WriteTo(json);
        json.WritePropertyName("result");
        result.WriteTo(json);
    });

    public static ReadOnlyMemory<byte> ErrorReply(JsonElement? id, LinkError error) => Write(json =>
    {
        json.WritePropertyName("id");
        (id ?? Nothing).WriteTo(json);
        json.WriteStartObject("error");
        json.WriteNumber("code", error.Code);
        json.WriteString("message", error.Message);
        json.WriteEndObject();
    });

    private static JsonRpcMessage Read(JsonElement message)
    {
        if (message.ValueKind != JsonValueKind.Object)
        {
            return Fault(LinkErrors.InvalidRequest, "a message is not one JSON object");
        }

        JsonElement? id = message.TryGetProperty("id", out var given) ? given : null;
        if (id is { } value && !(value.ValueKind is JsonValueKind.Number or JsonValueKind.String or JsonValueKind.Null && value.GetRawText().Length <= LongestId))
        {
            return Fault(LinkErrors.InvalidRequest, "an id is neither a number nor a short text");
        }

        // Never answered, however wrong: two ends that complain about each other's complaints would not find an end.
        if (message.TryGetProperty("error", out var error))
        {
            return new JsonRpcMessage(null, id, default, ErrorOf(error), IsReply: true);
        }

        if (message.TryGetProperty("result", out var result))
        {
            return new JsonRpcMessage(null, id, result, null, IsReply: true);
        }

        var known = message.TryGetProperty("jsonrpc", out var version) && version.ValueKind == JsonValueKind.String && version.ValueEquals("2.0");
        return known && message.TryGetProperty("method", out var method) && method.ValueKind == JsonValueKind.String
            ? new JsonRpcMessage(method.GetString(), id, message.TryGetProperty("params", out var parameters) ? parameters : Nothing, null, IsReply: false)
            : Fault(LinkErrors.InvalidRequest, "a message is no request of JSON-RPC 2.0", id);
    }

    private static LinkError ErrorOf(JsonElement error)
    {
        var named = error.ValueKind == JsonValueKind.Object;
        var code = named && error.TryGetProperty("code", out var number) && number.ValueKind == JsonValueKind.Number && number.TryGetInt32(out var known)
            ? known
            : LinkErrors.Internal;
        return new LinkError(
            code,
            named && error.TryGetProperty("message", out var text) && text.ValueKind == JsonValueKind.String ? text.GetString()! : "an error without words");
    }

    private static ReadOnlyMemory<byte> Write(Action<Utf8JsonWriter> body)
    {
        var text = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartObject();
            json.WriteString("jsonrpc", "2.0");
            body(json);
            json.WriteEndObject();
        }

        return text.WrittenMemory;
    }
}
