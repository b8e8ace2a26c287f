using System.Globalization;
using KvmAgent.Contracts.Link;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace KvmAgent.Coordinator.Imports.Uploads;

/// <summary>
/// An upload in parts, or one that goes on after it broke off: the core of tus 1.0.0 (https://tus.io/protocols/resumable-upload) at a path of its
/// own, which the token makes the claim's. HEAD says how much the importer has, PATCH sends what comes next. Who has begun by CDI's paths may
/// go on here.
/// </summary>
internal sealed class ResumableUpload(UploadEndpoints uploads)
{
    public const string Path = "/v1beta1/upload-resumable";

    private const string VersionHeader = "Tus-Resumable", Version = "1.0.0";

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapMethods(Path, [HttpMethods.Head], (RequestDelegate)TellAsync);
        routes.MapMethods(Path, [HttpMethods.Patch], (RequestDelegate)GoOnAsync);
    }

    private async Task TellAsync(HttpContext context)
    {
        if (await AdmitAsync(context).ConfigureAwait(false) is not var (_, slot))
        {
            return;
        }

        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers[ImporterProtocol.UploadOffset] = Text(slot.Offset);
        if (slot.Total is { } total)
        {
            context.Response.Headers[ImporterProtocol.UploadLength] = Text(total);
        }
        else
        {
            context.Response.Headers["Upload-Defer-Length"] = "1";
        }
    }

    private async Task GoOnAsync(HttpContext context)
    {
        if (await AdmitAsync(context).ConfigureAwait(false) is not var (grant, slot))
        {
            return;
        }

        var total = slot.Total ?? Number(context, ImporterProtocol.UploadLength);
        var offset = Number(context, ImporterProtocol.UploadOffset);
        var length = context.Request.ContentLength;
        var refused = context.Request.ContentType != "application/offset+octet-stream"
                ? (StatusCodes.Status415UnsupportedMediaType, "the Content-Type is not application/offset+octet-stream")
            : offset is null ? (StatusCodes.Status400BadRequest, $"{ImporterProtocol.UploadOffset} is missing, or no number; HEAD tells it")
            : length is null ? (StatusCodes.Status411LengthRequired, "the Content-Length is missing")
            : total is null ? (StatusCodes.Status400BadRequest, $"{ImporterProtocol.UploadLength} is missing, or no number; give the size of the whole image")
            : offset != slot.Offset ? (StatusCodes.Status409Conflict, $"the importer has {slot.Offset} bytes, and these begin at {offset}; ask by HEAD where to go on")
            : length > total - offset ? (StatusCodes.Status413PayloadTooLarge, $"the image has {total} bytes, and these would end at {offset + length}")
            : ((int Status, string Text)?)null;
        if (refused is var (status, text))
        {
            await UploadEndpoints.AnswerAsync(context, status, text).ConfigureAwait(false);
            return;
        }

        await UploadEndpoints.DeliverAsync(context, grant, slot, new Upload(context.Request.Body, slot.Offset, length, total), response =>
        {
            response.StatusCode = StatusCodes.Status204NoContent;
            response.Headers[ImporterProtocol.UploadOffset] = Text(slot.Offset + length!.Value);
        }).ConfigureAwait(false);
    }

    private async Task<(UploadGrant Grant, UploadSlot Slot)?> AdmitAsync(HttpContext context)
    {
        context.Response.Headers[VersionHeader] = Version;
        if (context.Request.Headers[VersionHeader] == Version)
        {
            return await uploads.AdmitAsync(context).ConfigureAwait(false);
        }

        context.Response.Headers["Tus-Version"] = Version;
        await UploadEndpoints.AnswerAsync(context, StatusCodes.Status412PreconditionFailed, $"the header {VersionHeader} is not {Version}, which is spoken here").ConfigureAwait(false);
        return null;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static long? Number(HttpContext context, string header) =>
        long.TryParse(context.Request.Headers[header], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
