using KvmAgent.Coordinator.Agents;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace KvmAgent.Coordinator.Imports.Uploads;

/// <summary>
/// Where people send images: by CDI's paths, all of it in one request, and by <see cref="ResumableUpload"/>. The importer alone knows what it
/// has; so this may be any replica, each time another.
/// </summary>
internal sealed class UploadEndpoints(UploadSink sink, UploadTokens tokens)
{
    private static readonly string[] Paths = ["/v1beta1/upload", "/v1beta1/upload-async"];

    public void Map(IEndpointRouteBuilder routes)
    {
        foreach (var path in Paths)
        {
            routes.MapMethods(path, [HttpMethods.Post, HttpMethods.Put], (RequestDelegate)SendAsync);
            // How clients learn that there is such a path.
            routes.MapMethods(path, [HttpMethods.Head], static (HttpContext context) => Results.Ok());
        }

        var resumable = new ResumableUpload(sink);
        routes.MapMethods(ResumableUpload.Path, [HttpMethods.Head], (RequestDelegate)(context => GuardAsync(context, () => resumable.TellAsync(context, () => Admit(context)))));
        routes.MapMethods(ResumableUpload.Path, [HttpMethods.Patch], (RequestDelegate)(context => GuardAsync(context, () => resumable.GoOnAsync(context, () => Admit(context)))));
    }

    /// <exception cref="UploadRefusedException">There is no good token.</exception>
    private UploadGrant Admit(HttpContext context) => BearerTokens.Of(context) is { } token && tokens.Read(token) is { } grant ? grant
        : throw new UploadRefusedException(StatusCodes.Status401Unauthorized, "there is no token for an upload, or it has expired; ask for another by an UploadTokenRequest");

    /// <summary>Answers also what is refused.</summary>
    private static async Task GuardAsync(HttpContext context, Func<Task> run)
    {
        try
        {
            await run().ConfigureAwait(false);
        }
        catch (UploadRefusedException e)
        {
            switch (e.Status)
            {
                case StatusCodes.Status401Unauthorized:
                    await BearerTokens.RefuseAsync(context, e.Status, e.Message).ConfigureAwait(false);
                    return;
                case StatusCodes.Status503ServiceUnavailable:
                    context.Response.Headers.RetryAfter = "1";
                    break;
            }

            context.Response.StatusCode = e.Status;
            if (!HttpMethods.IsHead(context.Request.Method))
            {
                await context.Response.WriteAsync(e.Message + "\n", context.RequestAborted).ConfigureAwait(false);
            }
        }
    }

    private Task SendAsync(HttpContext context) => GuardAsync(context, async () =>
    {
        var grant = Admit(context);
        var slot = await sink.FindAsync(grant, context.RequestAborted).ConfigureAwait(false);
        var length = context.Request.ContentLength;
        if (await UploadSink.DeliverAsync(context, grant, slot, new Upload(context.Request.Body, 0, length, length)).ConfigureAwait(false))
        {
            context.Response.StatusCode = StatusCodes.Status200OK;
        }
    });
}
