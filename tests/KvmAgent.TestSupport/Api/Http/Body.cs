using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.TestSupport.Api;

/// <summary>Bodies of requests: JSON, and YAML where a patch is applied.</summary>
internal static class Body
{
    public static async Task<byte[]> ReadAsync(HttpRequest request)
    {
        using var buffer = new MemoryStream();
        await request.Body.CopyToAsync(buffer, request.HttpContext.RequestAborted);
        return buffer.ToArray();
    }

    public static string MediaType(HttpRequest request) => (request.ContentType ?? "").Split(';')[0].Trim().ToLowerInvariant();

    public static JsonObject Object(HttpRequest request, byte[] body)
    {
        if (MediaType(request) is not "application/json")
        {
            throw ApiError.Unknown(
                415, "UnsupportedMediaType", $"the body of the request was in an unknown format ({request.ContentType ?? "no Content-Type"}) - accepted media types include: application/json");
        }

        return Parse(body) as JsonObject ?? throw ApiError.Unknown(400, "BadRequest", "the body is not a JSON object");
    }

    public static JsonNode Patch(HttpRequest request, byte[] body)
    {
        switch (MediaType(request))
        {
            case Verbs.Merge or Verbs.Json6902 or Verbs.Strategic:
                return Parse(body) ?? throw ApiError.Unknown(400, "BadRequest", "the patch is empty");
            case Verbs.Apply:
                return Parse(body, orYaml: true) ?? throw ApiError.Unknown(400, "BadRequest", "the patch is empty");
            default:
                throw ApiError.Unknown(
                    415, "UnsupportedMediaType", $"a PATCH's Content-Type is one of {Verbs.Json6902}, {Verbs.Merge}, {Verbs.Strategic}, {Verbs.Apply}, not {request.ContentType}");
        }
    }

    private static JsonNode? Parse(byte[] body, bool orYaml = false)
    {
        try
        {
            return Json.Parse(body);
        }
        catch (JsonException) when (orYaml)
        {
            return Yaml.Documents(Encoding.UTF8.GetString(body)).Single();
        }
        catch (JsonException e)
        {
            throw ApiError.Unknown(400, "BadRequest", $"the body is no JSON: {e.Message}");
        }
    }
}
