using System.Globalization;
using KvmAgent.Contracts.Link;
using KvmAgent.Contracts.Rest;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Imports.Uploads;

/// <summary>
/// An upload in parts, or one that goes on after it broke off: the core of tus 1.0.0 (https://tus.io/protocols/resumable-upload). HEAD says how
/// much the importer has, PATCH sends what comes next. Who has begun by CDI's paths may go on here.
/// </summary>
internal sealed class ResumableUpload(UploadSink sink)
{
    public const string Path = "/v1beta1/upload-resumable", Media = ImageUploads.Media;

    private const string VersionHeader = ImageUploads.VersionHeader, Version = ImageUploads.Version;

    /// <summary>Answers HEAD.</summary>
    /// <param name="admit">Who may, and for which claim.</param>
    /// <exception cref="UploadRefusedException">Nobody waits for it.</exception>
    public async Task TellAsync(HttpContext context, Func<UploadGrant> admit)
    {
        var (_, slot) = await FindAsync(context, admit).ConfigureAwait(false);
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

    /// <summary>Answers PATCH.</summary>
    /// <param name="admit">Likewise.</param>
    /// <exception cref="UploadRefusedException">It is not taken.</exception>
    public async Task GoOnAsync(HttpContext context, Func<UploadGrant> admit)
    {
        var (grant, slot) = await FindAsync(context, admit).ConfigureAwait(false);
        var total = slot.Total ?? Number(context, ImporterProtocol.UploadLength);
        var offset = Number(context, ImporterProtocol.UploadOffset);
        var length = context.Request.ContentLength;
        var refused = context.Request.ContentType != Media
                ? (StatusCodes.Status415UnsupportedMediaType, $"the Content-Type is not {Media}")
            : offset is null ? (StatusCodes.Status400BadRequest, $"{ImporterProtocol.UploadOffset} is missing, or no number; HEAD tells it")
            : length is null ? (StatusCodes.Status411LengthRequired, "the Content-Length is missing")
            : total is null ? (StatusCodes.Status400BadRequest, $"{ImporterProtocol.UploadLength} is missing, or no number; give the size of the whole image")
            : offset != slot.Offset ? (StatusCodes.Status409Conflict, $"the importer has {slot.Offset} bytes, and these begin at {offset}; ask by HEAD where to go on")
            : length > total - offset ? (StatusCodes.Status413PayloadTooLarge, $"the image has {total} bytes, and these would end at {offset + length}")
            : ((int Status, string Text)?)null;
        if (refused is var (status, text))
        {
            throw new UploadRefusedException(status, text);
        }

        if (await UploadSink.DeliverAsync(context, grant, slot, new Upload(context.Request.Body, slot.Offset, length, total)).ConfigureAwait(false))
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            context.Response.Headers[ImporterProtocol.UploadOffset] = Text(slot.Offset + length!.Value);
        }
    }

    private async Task<(UploadGrant Grant, UploadSlot Slot)> FindAsync(HttpContext context, Func<UploadGrant> admit)
    {
        context.Response.Headers[VersionHeader] = Version;
        if (context.Request.Headers[VersionHeader] != Version)
        {
            context.Response.Headers["Tus-Version"] = Version;
            throw new UploadRefusedException(StatusCodes.Status412PreconditionFailed, $"the header {VersionHeader} is not {Version}, which is spoken here");
        }

        var grant = admit();
        return (grant, await sink.FindAsync(grant, context.RequestAborted).ConfigureAwait(false));
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static long? Number(HttpContext context, string header) =>
        long.TryParse(context.Request.Headers[header], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
