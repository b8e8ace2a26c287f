using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace KvmAgent.Coordinator.Imports.Uploads;

/// <summary>Where what people send goes on to: the importers that wait at this replica.</summary>
internal sealed class UploadSink(ImportCache cache, UploadSlots slots, TimeProvider time)
{
    /// <summary>How long an importer needs to ask again, where one is known to wait.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>For who has shown otherwise that it may send the claim's image.</summary>
    /// <exception cref="UploadRefusedException">The claim is not there, or asks for no upload.</exception>
    public UploadGrant GrantOf(ClaimKey key)
    {
        var claim = cache.Claims.Get(key.Namespace, key.Name) ?? throw new UploadRefusedException(StatusCodes.Status404NotFound, $"{key} not found");
        return ImportRequest.Of(claim)?.Request is { IsUpload: true }
            ? new UploadGrant(key.Namespace, key.Name, claim.Metadata.Uid!, long.MaxValue)
            : throw new UploadRefusedException(StatusCodes.Status422UnprocessableEntity, $"{key} asks for no upload; make another for it");
    }

    /// <summary>The importer that waits.</summary>
    /// <exception cref="UploadRefusedException">The claim is filled or was refused, or nobody waits.</exception>
    public async Task<UploadSlot> FindAsync(UploadGrant grant, CancellationToken cancel)
    {
        var claim = cache.Claims.Get(grant.Namespace, grant.Name) is { } found && found.Metadata.Uid == grant.Uid ? found : null;
        if (claim is not null && ImportState.PhaseOf(claim) is ImportState.Succeeded or ImportState.Failed)
        {
            throw new UploadRefusedException(StatusCodes.Status410Gone, ImportState.PhaseOf(claim) == ImportState.Succeeded
                ? $"claim {grant.Namespace}/{grant.Name} is filled"
                : $"what was sent for claim {grant.Namespace}/{grant.Name} was refused: {claim.Metadata.Annotation(ImportAnnotations.RunningMessage)}");
        }

        var patience = claim?.Metadata.Annotation(ImportAnnotations.PodReady) == "true" ? Patience : TimeSpan.Zero;
        return await slots.FindAsync(grant.Uid, patience, time, cancel).ConfigureAwait(false)
            ?? throw Busy($"no importer waits for claim {grant.Namespace}/{grant.Name} here; try again when its annotation cdi.kubevirt.io/storage.pod.ready is \"true\", and nobody else sends");
    }

    /// <summary>Done when the importer has all of it.</summary>
    /// <returns>False where whoever sent it has gone meanwhile.</returns>
    /// <exception cref="UploadRefusedException">It does not take it.</exception>
    public static async Task<bool> DeliverAsync(HttpContext context, UploadGrant grant, UploadSlot slot, Upload upload)
    {
        context.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = null;
        // The importer ends what has come to a halt.
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }

        if (!slot.Give(upload))
        {
            throw Busy($"somebody else sends for claim {grant.Namespace}/{grant.Name}");
        }

        try
        {
            await upload.Taken.ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (!context.RequestAborted.IsCancellationRequested)
        {
            throw new UploadRefusedException(StatusCodes.Status502BadGateway, $"the importer did not take all of it ({e.Message}); claim {grant.Namespace}/{grant.Name} says why");
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            return false;
        }
    }

    private static UploadRefusedException Busy(string text) => new(StatusCodes.Status503ServiceUnavailable, text);
}
