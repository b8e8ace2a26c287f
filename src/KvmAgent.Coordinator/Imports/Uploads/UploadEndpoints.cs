using System.Text.Json.Nodes;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace KvmAgent.Coordinator.Imports.Uploads;

/// <summary>
/// Where images are sent, by CDI's paths, and where importers wait for them. The bytes go through as they come: nothing is kept here, and
/// what they are is for the importer to say.
/// </summary>
internal sealed class UploadEndpoints(KubernetesClient client, ImportCache cache, UploadSlots slots, UploadTokens tokens, AdmitAgent admit, TimeProvider time)
{
    private static readonly string[] Paths = ["/v1beta1/upload", "/v1beta1/upload-async"];

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet(ImporterProtocol.UploadPath, (RequestDelegate)ServeAsync);
        foreach (var path in Paths)
        {
            routes.MapMethods(path, [HttpMethods.Post, HttpMethods.Put], (RequestDelegate)SendAsync);
            // How clients learn that there is such a path.
            routes.MapMethods(path, [HttpMethods.Head], static (HttpContext context) => Results.Ok());
        }
    }

    /// <summary>An importer waits.</summary>
    private async Task ServeAsync(HttpContext context)
    {
        if (await BearerTokens.AdmitAsync(context, admit, time).ConfigureAwait(false) is not var (_, admission) || cache.ClaimOf(admission.Identity!) is not { } claim)
        {
            return;
        }

        await ReadyAsync(claim, context.RequestAborted).ConfigureAwait(false);
        Upload upload;
        try
        {
            upload = await slots.WaitAsync(claim.Metadata.Uid!, context.RequestAborted).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        try
        {
            // As slow as who sends it.
            if (context.Features.Get<IHttpMinResponseDataRateFeature>() is { } rate)
            {
                rate.MinDataRate = null;
            }

            context.Response.ContentLength = upload.Length;
            context.Response.ContentType = "application/octet-stream";
            await upload.Content.CopyToAsync(context.Response.Body, context.RequestAborted).ConfigureAwait(false);
            await context.Response.CompleteAsync().ConfigureAwait(false);
            upload.End(null);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or InvalidOperationException or BadHttpRequestException)
        {
            upload.End(e);
            // So that nobody takes it for whole.
            context.Abort();
        }
    }

    /// <summary>Somebody sends an image.</summary>
    private async Task SendAsync(HttpContext context)
    {
        const string scheme = "Bearer ";
        var authorization = context.Request.Headers.Authorization.ToString();
        if (!authorization.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) || tokens.Read(authorization[scheme.Length..].Trim()) is not { } grant)
        {
            await BearerTokens.RefuseAsync(context, StatusCodes.Status401Unauthorized, "there is no token for an upload, or it has expired; ask for another by an UploadTokenRequest").ConfigureAwait(false);
            return;
        }

        context.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = null;
        var upload = new Upload(context.Request.Body, context.Request.ContentLength);
        if (!slots.Give(grant.Uid, upload))
        {
            await AnswerAsync(context, StatusCodes.Status503ServiceUnavailable, $"no importer waits for claim {grant.Namespace}/{grant.Name} here; try again when its annotation cdi.kubevirt.io/storage.pod.ready is \"true\"").ConfigureAwait(false);
            return;
        }

        try
        {
            await upload.Taken.ConfigureAwait(false);
            await AnswerAsync(context, StatusCodes.Status200OK, "").ConfigureAwait(false);
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

    private static Task AnswerAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        return text.Length == 0 ? Task.CompletedTask : context.Response.WriteAsync(text + "\n", context.RequestAborted);
    }

    /// <summary>What clients wait for before they send.</summary>
    private async Task ReadyAsync(PersistentVolumeClaim claim, CancellationToken cancel)
    {
        if (claim.Metadata.Annotation(ImportAnnotations.PodReady) == "true")
        {
            return;
        }

        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["uid"] = claim.Metadata.Uid, ["annotations"] = new JsonObject { [ImportAnnotations.PodReady] = "true" } },
        };
        try
        {
            await client.MergePatchAsync(CoreKinds.PersistentVolumeClaims, claim.Metadata.Namespace, claim.Metadata.Name!, patch, null, cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsNotFound || e.IsConflict)
        {
            // It is gone, or another.
        }
    }
}
