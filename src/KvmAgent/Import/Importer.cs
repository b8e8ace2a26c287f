using KvmAgent.Contracts;
using KvmAgent.Images;
using KvmAgent.Lifecycle;
using KvmAgent.Settings;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Import;

/// <summary>
/// Runs one import. A person's target stays as it was until the new one is complete. An importer pod's disk is its own: what an earlier
/// try left, whole or not, goes first, so that a volume which has room for one disk is enough (CDI #2110).
/// </summary>
/// <param name="uploads">Null where nothing is sent.</param>
internal sealed partial class Importer(ImportSettings settings, UploadReceiver? uploads, ILogger<Importer> log)
{
    /// <returns>For people, and for programs.</returns>
    /// <exception cref="AgentException">It failed; nothing is left that looks whole.</exception>
    public async Task<(string Text, ImportResult Result)> RunAsync(IProgress<FetchProgress> progress, CancellationToken cancel)
    {
        var metrics = ImportMetrics.Begin(settings.Metrics, settings.DemandMetrics, settings.OwnerUid, progress);
        try
        {
            var (text, format, size) = settings switch
            {
                { CloneFrom: { } clone } => await CloneAsync(clone.Server, clone.KeyDirectory, metrics ?? progress, cancel).ConfigureAwait(false),
                { IsUpload: true } => await UploadAsync(metrics ?? progress, cancel).ConfigureAwait(false),
                { Source: null } => Blank(),
                { Content: ImportContent.Archive } => await ArchiveAsync(null, metrics ?? progress, cancel).ConfigureAwait(false),
                _ => await DiskAsync(null, metrics ?? progress, cancel).ConfigureAwait(false),
            };
            metrics?.Complete();
            return ($"{settings.Target}: {text}", new ImportResult(ImportResult.Complete, "Complete", 0)
            {
                Format = format,
                VirtualSize = size,
                PreallocationApplied = settings.Preallocate,
                ScratchSpaceRequired = false,
            });
        }
        catch (ImageException e)
        {
            throw BaseImages.Failure(e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AgentException(FailureReason.Unwritable, $"{settings.Target} cannot be written: {e.Message}; check the volume and its permissions", e);
        }
    }

    private async Task<(string Text, string? Format, long? Size)> DiskAsync(UploadedImage? upload, IProgress<FetchProgress> progress, CancellationToken cancel)
    {
        var done = await DiskImport.RunAsync(Sized(Request()) with { Upload = upload }, progress, cancel).ConfigureAwait(false);
        var layers = done.Layers.Count == 0 ? "" : $" in {string.Join(" in ", done.Layers.Reverse())}";
        var scratch = done.Scratch == 0 ? "" : $", {Quantity.Human(done.Scratch)} spooled, as this cannot be unpacked straight into the disk";
        return ($"a disk of {Quantity.Format(done.Size)} from {done.Image.Format.Name()}{layers}, {Quantity.Human(done.Read)} read{scratch}",
            done.Image.Format.Name(), done.Size);
    }

    /// <summary>One whose rest does not come is waited for anew.</summary>
    private async Task<(string Text, string? Format, long? Size)> UploadAsync(IProgress<FetchProgress> progress, CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                return await uploads!.ReceiveAsync(
                    upload => settings.Content == ImportContent.Archive ? ArchiveAsync(upload, progress, cancel) : DiskAsync(upload, progress, cancel), cancel).ConfigureAwait(false);
            }
            catch (ImageException e) when (e.Reason == ImageFailure.Unavailable)
            {
                LogBroken(e.Message);
            }
        }
    }

    private async Task<(string Text, string? Format, long? Size)> CloneAsync(Uri server, string keyDirectory, IProgress<FetchProgress> progress, CancellationToken cancel)
    {
        var size = await DiskClone.RunAsync(
            new DiskCloneRequest { Host = server.Host, Port = server.Port, KeyDirectory = keyDirectory, Into = Sized(Request()) }, progress, cancel).ConfigureAwait(false);
        return ($"a disk of {Quantity.Format(size)}, cloned from {server.Authority}", "raw", size);
    }

    private (string Text, string? Format, long? Size) Blank()
    {
        var request = Sized(Request());
        BlankDisk.Create(request.Target, request.Size ?? 0, request.Preallocate);
        return (request.Size is { } size ? $"a blank disk of {Quantity.Format(size)}" : "a blank disk", null, request.Size);
    }

    private async Task<(string Text, string? Format, long? Size)> ArchiveAsync(UploadedImage? upload, IProgress<FetchProgress> progress, CancellationToken cancel)
    {
        var done = await ArchiveImport.RunAsync(
            new ArchiveImportRequest
            {
                Source = settings.Source ?? "",
                Upload = upload,
                Access = settings.Access,
                Checksum = settings.Checksum,
                Target = settings.Target,
                Size = settings.Size,
            },
            progress,
            cancel).ConfigureAwait(false);
        return ($"{Count(done.Files, "file")} of {Quantity.Human(done.Bytes)} and {Count(done.Directories, "directory", "directories")} from "
            + $"{string.Join(" in ", done.Layers.Reverse())}, {Quantity.Human(done.Read)} read", "tar", null);
    }

    private static string Count(int number, string one, string? many = null) => number == 1 ? $"1 {one}" : $"{number} {many ?? one + "s"}";

    private DiskImportRequest Request() => new()
    {
        Source = settings.Source ?? "",
        Access = settings.Access,
        Checksum = settings.Checksum,
        Target = settings.Target,
        Size = settings.Size,
        Preallocate = settings.Preallocate,
        ScratchDirectory = settings.Scratch,
    };

    /// <summary>An importer pod's disk is bounded by what its volume has when what is to go is gone.</summary>
    private DiskImportRequest Sized(DiskImportRequest request)
    {
        if (settings.Overhead is not { } overhead)
        {
            return request;
        }

        // Whatever it is: a volume that somebody used before may have a link or a device of that name.
        File.Delete(request.Target);
        DiskImport.RemoveLeftovers(request);
        var free = new DriveInfo(Path.GetDirectoryName(request.Target)!).AvailableFreeSpace;
        var (size, most) = ImportSize.For(settings.Size, overhead, free);
        if (size < settings.Size)
        {
            LogSmaller(Quantity.Human(size.Value), Quantity.Human(settings.Size.Value), Quantity.Human(free), overhead);
        }

        return request with { Size = size, Most = most };
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Error}; the next is waited for")]
    private partial void LogBroken(string error);

    [LoggerMessage(Level = LogLevel.Information, Message = "the disk gets {Size} of the {Wanted} that are wanted: the volume has {Free} free, and {Overhead} of it is for its file system")]
    private partial void LogSmaller(string size, string wanted, string free, decimal overhead);
}
