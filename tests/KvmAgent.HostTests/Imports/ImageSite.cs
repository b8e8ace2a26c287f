using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Net.Http.Headers;

namespace KvmAgent.HostTests.Imports;

/// <summary>A web server on loopback with files, some of which want to know who asks.</summary>
internal sealed class ImageSite : IAsyncDisposable
{
    public const string User = "jane", Password = "open sesame";

    private readonly WebApplication _application;
    private readonly ConcurrentDictionary<string, byte[]> _files = [];
    private readonly ConcurrentDictionary<string, (byte[] Content, Task Hurry)> _slow = [];

    /// <summary>Below it a request must have the user's name and password.</summary>
    private const string Private = "/private/";

    private ImageSite(WebApplication application) => _application = application;

    /// <summary>Waited for before each answer.</summary>
    public Task Open { get; set; } = Task.CompletedTask;

    public string Url { get; private set; } = "";

    public static async Task<ImageSite> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var site = new ImageSite(builder.Build());
        site._application.Run(site.AnswerAsync);
        await site._application.StartAsync();
        site.Url = site._application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return site;
    }

    /// <returns>Its URL.</returns>
    public string Add(string path, byte[] content)
    {
        _files[path] = content;
        return Url + path;
    }

    /// <summary>Sent from the beginning alone, the second half of it by and by until there is hurry.</summary>
    public string AddSlow(string path, byte[] content, Task hurry)
    {
        _slow[path] = (content, hurry);
        return Url + path;
    }

    public string AddPrivate(string name, byte[] content) => Add(Private + name, content);

    private static EntityTagHeaderValue Tag(byte[] content) => new($"\"{Convert.ToHexStringLower(SHA256.HashData(content))[..16]}\"");

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        await Open.WaitAsync(context.RequestAborted);
        var path = context.Request.Path.ToString();
        if (_slow.TryGetValue(path, out var slow))
        {
            await TrickleAsync(context, slow.Content, slow.Hurry);
            return;
        }

        var expected = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{Password}"));
        var answer = path.StartsWith(Private, StringComparison.Ordinal) && context.Request.Headers.Authorization != expected ? Results.Unauthorized()
            : _files.TryGetValue(path, out var content) ? Results.Bytes(content, "application/octet-stream", enableRangeProcessing: true, entityTag: Tag(content))
            : Results.NotFound();
        await answer.ExecuteAsync(context);
    }

    private static async Task TrickleAsync(HttpContext context, byte[] content, Task hurry)
    {
        const int piece = 16 << 10;
        context.Response.ContentLength = content.Length;
        await context.Response.Body.WriteAsync(content.AsMemory(..(content.Length / 2)), context.RequestAborted);
        for (var at = content.Length / 2; at < content.Length; at += piece)
        {
            await context.Response.Body.WriteAsync(content.AsMemory(at, Math.Min(piece, content.Length - at)), context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            await Task.WhenAny(hurry, Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, context.RequestAborted));
        }
    }
}
