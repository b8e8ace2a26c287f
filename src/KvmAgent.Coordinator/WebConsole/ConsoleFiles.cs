using System.Collections.Frozen;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace KvmAgent.Coordinator.WebConsole;

/// <summary>
/// The console's page and what it loads: noVNC and xterm.js as their packages have them, and a few modules of ours, all of them parts of the program.
/// Everything that is of somebody comes by the management API, so these need no session. Nothing is loaded from elsewhere, and no script or
/// style of whoever named a machine is run: the policy allows what is served here, and styles with a number that each page's answer has for itself,
/// for xterm.js makes its own.
/// </summary>
internal static class ConsoleFiles
{
    private const string Prefix = "console/", Page = "index.html", Nonce = "{{nonce}}";

    private static readonly FrozenDictionary<string, (byte[] Content, string Type, string Tag)> Files = Assembly.GetExecutingAssembly().GetManifestResourceNames()
        .Where(static name => name.StartsWith(Prefix, StringComparison.Ordinal))
        .ToFrozenDictionary(static name => name[Prefix.Length..], static name => Load(name));

    public static void Map(IEndpointRouteBuilder builder)
    {
        builder.MapGet("/", PageAsync);
        builder.MapGet("/console/{**path}", FileAsync);
    }

    private static Task PageAsync(HttpContext context)
    {
        var nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        Protect(context.Response, $"style-src 'self' 'nonce-{nonce}'");
        context.Response.ContentType = Files[Page].Type;
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsync(Encoding.UTF8.GetString(Files[Page].Content).Replace(Nonce, nonce, StringComparison.Ordinal), context.RequestAborted);
    }

    private static Task FileAsync(HttpContext context)
    {
        var response = context.Response;
        Protect(response, "style-src 'self'");
        if (!Files.TryGetValue((string?)context.GetRouteValue("path") ?? "", out var file))
        {
            response.StatusCode = StatusCodes.Status404NotFound;
            return response.WriteAsync($"there is no {context.Request.Path}\n", context.RequestAborted);
        }

        response.Headers.ETag = file.Tag;
        // Asked for again each time, and answered in no bytes where it is the same.
        response.Headers.CacheControl = "no-cache";
        if (context.Request.Headers.IfNoneMatch == file.Tag)
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }

        response.ContentType = file.Type;
        return response.Body.WriteAsync(file.Content, context.RequestAborted).AsTask();
    }

    private static void Protect(HttpResponse response, string styles)
    {
        response.Headers.ContentSecurityPolicy =
            $"default-src 'none'; script-src 'self'; {styles}; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
    }

    private static (byte[] Content, string Type, string Tag) Load(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!;
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return (content, TypeOf(name), $"\"{Convert.ToHexStringLower(SHA256.HashData(content)[..8])}\"");
    }

    private static string TypeOf(string name) => Path.GetExtension(name) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".js" or ".mjs" => "text/javascript; charset=utf-8",
        ".svg" => "image/svg+xml",
        var other => throw new InvalidOperationException($"a file {other} has no content type here"),
    };
}
