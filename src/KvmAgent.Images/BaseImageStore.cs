using KvmAgent.Images.Fetch;
using KvmAgent.Images.Store;

namespace KvmAgent.Images;

/// <summary>
/// Brings base images into a volume that many pods on many hosts share, each once. Theory of operation: README.md.
///
/// <code>
///  image there? ── yes ──► inspect, digest from its record (or hash it), compare with the checksum ──► use it
///      │ no                         ▲
///  claim it ── taken by another ──► look at its heartbeat; gone or stale: try to claim again
///      │ ours
///  fetch into a part file of our own: inspect the beginning, hash, holes for zeroes
///      │
///  inspect all, checksum, 0444, fsync ──► record ──► link(2) to the name ──► fsync the directory
/// </code>
///
/// The claim keeps many from fetching the same; that an image appears whole, once and for good rests on the
/// private part file and on link(2), which never replaces.
/// </summary>
public sealed class BaseImageStore
{
    private readonly TimeProvider _time;
    private readonly StoreTimings _timings;

    public BaseImageStore(TimeProvider? time = null)
        : this(time ?? TimeProvider.System, new StoreTimings())
    {
    }

    internal BaseImageStore(TimeProvider time, StoreTimings timings) => (_time, _timings) = (time, timings);

    /// <summary>
    /// The image in its place, fetched if it is not there. Throws <see cref="ImageException"/>, or
    /// <see cref="OperationCanceledException"/>; neither leaves anything behind but what the next one can go on with.
    /// </summary>
    public async Task<BaseImage> EnsureAsync(BaseImageRequest request, IProgress<FetchProgress>? progress, CancellationToken ct)
    {
        var place = new StorePlace(request);
        var source = request.Source is null ? null : ImageSource.Parse(request.Source, request.Access);
        var meter = new FetchMeter(progress, _time, _timings.Report);
        try
        {
            return await EnsureAsync(place, source, request, meter, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw StorageFault.From(e, place.Image);
        }
    }

    private async Task<BaseImage> EnsureAsync(
        StorePlace place, ImageSource? source, BaseImageRequest request, FetchMeter meter, CancellationToken ct)
    {
        var watch = new ClaimWatch(place, meter, _time, _timings);
        while (true)
        {
            ct.ThrowIfCancellationRequested();
            if (place.HasImage())
            {
                place.RemoveLeftovers(imageIsThere: true);
                return await ExistingImage.UseAsync(place, request, meter, ct).ConfigureAwait(false);
            }
            if (source is null)
                throw new ImageException(ImageFailure.Settings, $"there is no {place.Image} and no source to fetch it from; put it there or name a source");

            var claim = Claim.TryTake(place, meter, _time, _timings);
            if (claim is null)
                await watch.LookAsync(ct).ConfigureAwait(false);
            else if (await FetchAsync(place, source, request, claim, meter, ct).ConfigureAwait(false) is { } image)
                return image;
        }
    }

    /// <summary>Null when it has to be looked at anew: another published first, or took us for dead.</summary>
    private async Task<BaseImage?> FetchAsync(
        StorePlace place, ImageSource source, BaseImageRequest request, Claim claim, FetchMeter meter, CancellationToken ct)
    {
        await using var held = claim.ConfigureAwait(false);
        // Who held the claim before us may have published since we looked.
        if (place.HasImage())
            return null;
        place.RemoveLeftovers(imageIsThere: false);

        using var part = new PartFile(place, claim.Id, source.Shown, request.Accepted, request.Checksum, _timings);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, claim.Lost);
        try
        {
            await source.FetchAsync(part, meter, _time, _timings, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (claim.Lost.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception e) when (e is OperationCanceledException or ImageException { Reason: ImageFailure.Unavailable })
        {
            part.Keep();
            throw;
        }

        meter.Begin(FetchPhase.Storing, part.Received, part.Received);
        var digests = part.Finish();
        var info = part.Inspect();
        Demands.Format(info, request, source.Shown);
        digests.Demand(request.Checksum, source.Shown, "check the source and the checksum");
        var modified = part.Seal();
        ct.ThrowIfCancellationRequested();

        ImageRecord.Of(digests, info, modified, source.Shown, _time.GetUtcNow()).Write(place);
        if (Publication.Appear(part.Path, place.Image) != Appeared.Yes)
        {
            // Our record lies beside another's image; of equal length and in the same tick of the clock it would pass for its own.
            File.Delete(place.Record);
            return null;
        }
        Libc.SyncDirectory(place.Folder);
        return new BaseImage(place.Image, digests.Sha256.ToString(), info.Format, info.VirtualSize, Fetched: true);
    }
}
