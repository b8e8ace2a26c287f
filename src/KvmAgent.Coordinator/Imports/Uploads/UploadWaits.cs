using System.Globalization;
using System.Text.Json.Nodes;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace KvmAgent.Coordinator.Imports.Uploads;

/// <summary>Where importers wait for what is sent. The bytes go through as they come: nothing is kept here, and what they are is for the importer to say.</summary>
internal sealed class UploadWaits(KubernetesClient client, ImportCache cache, UploadSlots slots, AdmitAgent admit, TimeProvider time)
{
    public void Map(IEndpointRouteBuilder routes) => routes.MapGet(ImporterProtocol.UploadPath, (RequestDelegate)ServeAsync);

    private async Task ServeAsync(HttpContext context)
    {
        if (await BearerTokens.AdmitAsync(context, admit, time).ConfigureAwait(false) is not var (_, admission) || cache.ClaimOf(admission.Identity!) is not { } claim)
        {
            return;
        }

        var slot = new UploadSlot(Number(context, ImporterProtocol.UploadOffset) ?? 0, Number(context, ImporterProtocol.UploadLength));
        await ReadyAsync(claim, context.RequestAborted).ConfigureAwait(false);
        Upload upload;
        try
        {
            upload = await slots.WaitAsync(claim.Metadata.Uid!, slot, context.RequestAborted).ConfigureAwait(false);
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
            context.Response.Headers[ImporterProtocol.UploadOffset] = upload.Offset.ToString(CultureInfo.InvariantCulture);
            if (upload.Total is { } total)
            {
                context.Response.Headers[ImporterProtocol.UploadLength] = total.ToString(CultureInfo.InvariantCulture);
            }

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

    private static long? Number(HttpContext context, string header) =>
        long.TryParse(context.Request.Headers[header], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
