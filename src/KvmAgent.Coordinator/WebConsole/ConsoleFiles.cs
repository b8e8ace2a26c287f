using System.Collections.Frozen;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace KvmAgent.Coordinator.WebConsole;

/// <summary>
/// The console's page and what it loads: noVNC, spice-html5, xterm.js, uPlot and js-yaml as their packages have them, and a few modules of ours, all of them parts of the program.
/// Everything that is of somebody comes by the management API, so these need no session. Nothing is loaded from elsewhere, and no script or
/// style of whoever named a machine is run: the policy allows what is served here, and styles with a number that each page's answer has for itself,
/// for xterm.js makes its own.
/// </summary>
internal static class ConsoleFiles
{
    private const string Prefix = "console/", Page = "index.html", Nonce = "{{nonce}}";

    /// <summary>What is in them stays in the program's file, and is read there by each who asks.</summary>
    private static readonly FrozenDictionary<string, (string Type, Lazy<string> Tag)> Files = Assembly.GetExecutingAssembly().GetManifestResourceNames()
        .Where(static name => name.StartsWith(Prefix, StringComparison.Ordinal))
        .ToFrozenDictionary(static name => name[Prefix.Length..], static name => (TypeOf(name), new Lazy<string>(() => TagOf(name))));

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
        using var page = new StreamReader(Open(Prefix + Page), Encoding.UTF8);
        return context.Response.WriteAsync(page.ReadToEnd().Replace(Nonce, nonce, StringComparison.Ordinal), context.RequestAborted);
    }

    private static async Task FileAsync(HttpContext context)
    {
        var (response, path) = (context.Response, (string?)context.GetRouteValue("path") ?? "");
        Protect(response, "style-src 'self'");
        if (!Files.TryGetValue(path, out var file))
        {
            response.StatusCode = StatusCodes.Status404NotFound;
            await response.WriteAsync($"there is no {context.Request.Path}\n", context.RequestAborted).ConfigureAwait(false);
            return;
        }

        response.Headers.ETag = file.Tag.Value;
        // Asked for again each time, and answered in no bytes where it is the same.
        response.Headers.CacheControl = "no-cache";
        if (context.Request.Headers.IfNoneMatch == file.Tag.Value)
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        response.ContentType = file.Type;
        using var content = Open(Prefix + path);
        await content.CopyToAsync(response.Body, context.RequestAborted).ConfigureAwait(false);
    }

    private static void Protect(HttpResponse response, string styles)
    {
        response.Headers.ContentSecurityPolicy =
            $"default-src 'none'; script-src 'self'; {styles}; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
    }

    private static Stream Open(string name) => Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!;

    private static string TagOf(string name)
    {
        using var content = Open(name);
        return $"\"{Convert.ToHexStringLower(SHA256.HashData(content)[..8])}\"";
    }

    private static string TypeOf(string name) => Path.GetExtension(name) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".js" or ".mjs" => "text/javascript; charset=utf-8",
        ".svg" => "image/svg+xml",
        "" or ".LESSER" => "text/plain; charset=utf-8",
        var other => throw new InvalidOperationException($"a file {other} has no content type here"),
    };
}
