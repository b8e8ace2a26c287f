using System.Net;
using System.Text;
using System.Text.Json;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes;

/// <summary>Makes the exception of an answer that is no success.</summary>
internal static class Failure
{
    private const int MostText = 300;

    /// <param name="credentials">What the server was shown is not told on, whatever it answers.</param>
    public static KubernetesException Of(string request, HttpResponseMessage response, ReadOnlyMemory<byte> body, DateTimeOffset now, Credentials credentials)
    {
        var code = (int)response.StatusCode;
        var status = Parse(body.Span) ?? new Status { Message = Describe(response, body.Span), Reason = OwnReason(response.StatusCode) };
        var after = response.Headers.RetryAfter is { } header ? header.Delta ?? (header.Date - now) : null;
        status = status with { Code = status.Code ?? code, Message = credentials.Hide(status.Message), Reason = credentials.Hide(status.Reason) };
        return new KubernetesException(request, status, after > TimeSpan.Zero ? after : null);
    }

    /// <summary>An ERROR event of a watch.</summary>
    public static KubernetesException Of(string request, ReadOnlySpan<byte> status) =>
        new(request, Parse(status) ?? new Status { Code = 500, Reason = "InternalError", Message = $"the watch failed: {Text(status)}" });

    private static Status? Parse(ReadOnlySpan<byte> body)
    {
        try
        {
            return JsonSerializer.Deserialize(body, KubernetesJson.Default.Status) is { Kind: "Status" } status ? WithReason(status) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Old and aggregated servers leave the reason out.</summary>
    private static Status WithReason(Status status) => status.Reason is { Length: > 0 }
        ? status
        : status with { Reason = status.Code switch { 404 => "NotFound", 409 => "Conflict", { } code => OwnReason((HttpStatusCode)code), null => "Unknown" } };

    /// <summary>
    /// For an answer that is not the API's. 404 and 409 get words of ours: whoever takes "NotFound" for the object's end must hear it from
    /// the API itself.
    /// </summary>
    private static string OwnReason(HttpStatusCode code) => code switch
    {
        HttpStatusCode.NotFound => "NoSuchPath",
        HttpStatusCode.Gone => "Gone",
        HttpStatusCode.TooManyRequests => "TooManyRequests",
        HttpStatusCode.ServiceUnavailable => "ServiceUnavailable",
        _ => code.ToString(),
    };

    private static string Describe(HttpResponseMessage response, ReadOnlySpan<byte> body)
    {
        var type = response.Content.Headers.ContentType?.MediaType ?? "a body of no type";
        var text = Text(body);
        var location = response.Headers.Location is { } to ? $", leading to {to}" : "";
        return $"the answer is not the API's ({type}{location}){(text.Length > 0 ? ": " + text : "")}; is the address right, and no proxy in between?";
    }

    private static string Text(ReadOnlySpan<byte> body)
    {
        var text = new StringBuilder();
        foreach (var c in Encoding.UTF8.GetString(body[..Math.Min(body.Length, 4 * MostText)]))
        {
            var visible = char.IsControl(c) ? ' ' : c;
            if (visible != ' ' || (text.Length > 0 && text[^1] != ' '))
            {
                text.Append(visible);
            }
        }

        var all = text.ToString().Trim();
        return all.Length > MostText ? all[..MostText] + "…" : all;
    }
}
