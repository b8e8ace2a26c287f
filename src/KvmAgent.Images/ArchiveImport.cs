using KvmAgent.Images.Fetch;
using KvmAgent.Images.Import;
using KvmAgent.Images.Layers;
using KvmAgent.Images.Store;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Images;

/// <summary>Which archive shall be unpacked, and where.</summary>
public sealed record ArchiveImportRequest
{
    /// <summary>A tar, also in gzip, xz or zstd: a URL (http, https, s3, file), or an absolute path.</summary>
    public required string Source { get; init; }

    /// <summary>What is sent in place of a source that is fetched; null for none.</summary>
    public UploadedImage? Upload { get; init; }

    /// <summary>How its server is reached.</summary>
    public SourceAccess Access { get; init; } = new();

    /// <summary>That of the source's bytes, as they come.</summary>
    public Checksum? Checksum { get; init; }

    /// <summary>The directory, which must exist. What is in it stays, but for files that the archive has too.</summary>
    public required string Target { get; init; }

    /// <summary>How many bytes its files may have together; null for what the volume has free.</summary>
    public long? Size { get; init; }
}

/// <param name="Files">How many files it had.</param>
/// <param name="Directories">How many directories, of those that it names.</param>
/// <param name="Bytes">What the files have together.</param>
/// <param name="Read">Bytes of the source that were read for it.</param>
/// <param name="Layers">What the tree was wrapped in, the outermost first; the last is tar.</param>
public sealed record ArchiveImported(int Files, int Directories, long Bytes, long Read, IReadOnlyList<string> Layers);

/// <summary>
/// Unpacks a tar archive into a directory: files and directories, and an archive with anything else is refused. Owner is who runs this;
/// modes become 0644, or 0755 of what somebody may execute. Nothing is in its place before all is unpacked, checked and on the disk; a
/// killed import leaves a hidden directory that the next one removes.
/// </summary>
public static class ArchiveImport
{
    private const int MostEntries = 1_000_000;
    private const int BufferSize = 1 << 20;

    // What may lie behind the end: tar fills its records up, and some tapes their blocks.
    private const long LongestRest = 64 << 20;

    /// <param name="request">What is wanted.</param>
    /// <param name="progress">Told of it seldom enough to be logged.</param>
    /// <param name="ct">Ends it; nothing is left behind.</param>
    /// <exception cref="ImageException">It is not to be had, or refused, or has no room.</exception>
    public static Task<ArchiveImported> RunAsync(ArchiveImportRequest request, IProgress<FetchProgress>? progress, CancellationToken ct) =>
        RunAsync(request, progress, MostEntries, ct);

    internal static async Task<ArchiveImported> RunAsync(
        ArchiveImportRequest request, IProgress<FetchProgress>? progress, int mostEntries, CancellationToken ct)
    {
        var timings = new StoreTimings();
        var meter = new FetchMeter(progress, TimeProvider.System, timings.Report);
        using var archive = request.Upload is { } upload
            ? new UploadedStream(upload)
            : await ImageSource.Parse(request.Source, request.Access).OpenAsync(TimeProvider.System, timings, ct).ConfigureAwait(false);
        meter.Begin(FetchPhase.Fetching, 0, archive.TotalLength, $"from {archive.Name}");
        return await OwnThread.RunAsync(() => Unpack(archive, request, meter, mostEntries, ct), ct).ConfigureAwait(false);
    }

    private static ArchiveImported Unpack(IImageStream archive, ArchiveImportRequest request, FetchMeter meter, int mostEntries, CancellationToken ct)
    {
        using var source = new CountedStream(archive.ReadThrough(request.Access.Connections, ct), request.Checksum, archive.IsJudgedAtEnd, meter);
        var (content, layers) = Wrapping.Remove(source, archive.Name, LayerSigns.Needed, keep: Layer.Tar);
        using (content)
        {
            if (LayerSigns.Find(content.Beginning.Span) != Layer.Tar)
                throw Refuse("it is no tar archive", "give one, also in gzip, xz or zstd");
            using var tree = ArchiveTree.Create(request.Target);
            using var ahead = new ReadAhead(content);
            try
            {
                var bytes = AddAll(ahead, tree);
                source.Finish(archive.Name);
                meter.Begin(FetchPhase.Storing, bytes, bytes);
                tree.Complete();
                return new ArchiveImported(tree.Files, tree.Directories, bytes, source.Count, [.. layers.Append(Layer.Tar).Select(layer => layer.Name())]);
            }
            catch (InvalidDataException e)
            {
                throw Refuse(e.Message, "make it anew");
            }
        }

        long AddAll(ReadAhead stream, ArchiveTree tree)
        {
            var room = Math.Min(request.Size ?? long.MaxValue, new DriveInfo(request.Target).AvailableFreeSpace);
            var (bytes, buffer) = (0L, new byte[BufferSize]);
            var tar = new TarArchive(stream);
            for (var entries = 1; tar.Next() is { } member; entries++)
            {
                ct.ThrowIfCancellationRequested();
                if (entries > mostEntries)
                    throw Refuse($"it has more than {mostEntries} entries", "make several of it");
                if (member.Kind is not (TarKind.File or TarKind.Directory))
                    throw new InvalidDataException($"it is a tar archive with {member.Kind.Named()} ('{member.Name}')");
                if (member.Size > room - bytes)
                    throw new ImageException(ImageFailure.NoSpace,
                        $"{archive.Name} unpacks to more than the {room} bytes that are wanted or free in {request.Target}; take a larger volume");
                bytes += member.Size;
                if (member.Kind == TarKind.Directory)
                    tree.AddDirectory(member);
                else
                    tree.AddFile(member, file => Write(tar, file, member.Size, buffer, ct));
            }
            // To the last byte: checksums of compression are at its end.
            for (var rest = 0L; stream.Read(buffer) is var count and > 0; rest += count)
                if (rest > LongestRest || buffer.AsSpan(0, count).ContainsAnyExcept((byte)0))
                    throw new InvalidDataException("it is a tar archive that goes on behind its end");
            return bytes;
        }

        ImageException Refuse(string why, string remedy) => new(ImageFailure.Refused, $"{archive.Name} is refused as an archive: {why}; {remedy}");
    }

    private static void Write(TarArchive tar, SafeFileHandle file, long size, byte[] buffer, CancellationToken ct)
    {
        var writeBehind = new WriteBehind(file);
        for (var at = 0L; at < size;)
        {
            ct.ThrowIfCancellationRequested();
            var count = tar.Read(buffer);
            writeBehind.Write(at, buffer.AsSpan(0, count));
            at += count;
        }
        RandomAccess.SetLength(file, size);
    }
}
