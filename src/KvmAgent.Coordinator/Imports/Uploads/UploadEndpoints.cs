using KvmAgent.Coordinator.Agents;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace KvmAgent.Coordinator.Imports.Uploads;

/// <summary>
/// Where people send images: by CDI's paths, all of it in one request, and by <see cref="ResumableUpload"/>. The importer alone knows what it
/// has; so this may be any replica, each time another.
/// </summary>
internal sealed class UploadEndpoints(ImportCache cache, UploadSlots slots, UploadTokens tokens, TimeProvider time)
{
    private static readonly string[] Paths = ["/v1beta1/upload", "/v1beta1/upload-async"];

    /// <summary>How long an importer needs to ask again, where one is known to wait.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public void Map(IEndpointRouteBuilder routes)
    {
        foreach (var path in Paths)
        {
            routes.MapMethods(path, [HttpMethods.Post, HttpMethods.Put], (RequestDelegate)SendAsync);
            // How clients learn that there is such a path.
            routes.MapMethods(path, [HttpMethods.Head], static (HttpContext context) => Results.Ok());
        }

        new ResumableUpload(this).Map(routes);
    }

    /// <returns>Null where the request was answered: there is no good token, or nobody to send to.</returns>
    public async Task<(UploadGrant Grant, UploadSlot Slot)?> AdmitAsync(HttpContext context)
    {
        if (BearerTokens.Of(context) is not { } token || tokens.Read(token) is not { } grant)
        {
            await BearerTokens.RefuseAsync(context, StatusCodes.Status401Unauthorized, "there is no token for an upload, or it has expired; ask for another by an UploadTokenRequest").ConfigureAwait(false);
            return null;
        }

        var claim = cache.Claims.Get(grant.Namespace, grant.Name) is { } found && found.Metadata.Uid == grant.Uid ? found : null;
        if (claim is not null && ImportState.PhaseOf(claim) is ImportState.Succeeded or ImportState.Failed)
        {
            await AnswerAsync(context, StatusCodes.Status410Gone, ImportState.PhaseOf(claim) == ImportState.Succeeded
                ? $"claim {grant.Namespace}/{grant.Name} is filled"
                : $"what was sent for claim {grant.Namespace}/{grant.Name} was refused: {claim.Metadata.Annotation(ImportAnnotations.RunningMessage)}").ConfigureAwait(false);
            return null;
        }

        var patience = claim?.Metadata.Annotation(ImportAnnotations.PodReady) == "true" ? Patience : TimeSpan.Zero;
        if (await slots.FindAsync(grant.Uid, patience, time, context.RequestAborted).ConfigureAwait(false) is { } slot)
        {
            return (grant, slot);
        }

        await BusyAsync(context, $"no importer waits for claim {grant.Namespace}/{grant.Name} here; try again when its annotation cdi.kubevirt.io/storage.pod.ready is \"true\", and nobody else sends").ConfigureAwait(false);
        return null;
    }

    /// <summary>Done when it was answered.</summary>
    /// <param name="success">Sets what there is to say then.</param>
    public static async Task DeliverAsync(HttpContext context, UploadGrant grant, UploadSlot slot, Upload upload, Action<HttpResponse> success)
    {
        context.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = null;
        // The importer ends what has come to a halt.
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }

        if (!slot.Give(upload))
        {
            await BusyAsync(context, $"somebody else sends for claim {grant.Namespace}/{grant.Name}").ConfigureAwait(false);
            return;
        }

        try
        {
            await upload.Taken.ConfigureAwait(false);
            success(context.Response);
        }
        catch (Exception e) when (!context.RequestAborted.IsCancellationRequested)
        {
            await AnswerAsync(context, StatusCodes.Status502BadGateway, $"the importer did not take all of it ({e.Message}); claim {grant.Namespace}/{grant.Name} says why").ConfigureAwait(false);
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody waits for an answer.
        }
    }

    public static Task AnswerAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.WriteAsync(text + "\n", context.RequestAborted);
    }

    private static Task BusyAsync(HttpContext context, string text)
    {
        context.Response.Headers.RetryAfter = "1";
        return AnswerAsync(context, StatusCodes.Status503ServiceUnavailable, text);
    }

    private async Task SendAsync(HttpContext context)
    {
        if (await AdmitAsync(context).ConfigureAwait(false) is var (grant, slot))
        {
            var length = context.Request.ContentLength;
            await DeliverAsync(context, grant, slot, new Upload(context.Request.Body, 0, length, length), static response => response.StatusCode = StatusCodes.Status200OK).ConfigureAwait(false);
        }
    }
}
