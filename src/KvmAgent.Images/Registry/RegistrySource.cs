using KvmAgent.Images.Fetch;
using KvmAgent.Images.Import;
using KvmAgent.Images.Layers;
using KvmAgent.Images.Store;

namespace KvmAgent.Images.Registry;

/// <summary>
/// A container disk: an image of a registry whose one file under /disk is the disk of a virtual machine. Theory of operation:
///
/// <code>
///  manifest ── index? ──► that of this platform ──► layers, the top one first
///                                                     │ blob: ranges, several at once, like any file on a server; hashed as it passes
///                                                     ▼
///                                    gzip or zstd off, tar: a regular file in disk/ ── none, and nothing hides what is below ──► next layer
///                                                     │
///                                    its bytes ──► the rest of the layer, to the last byte of the blob ──► the digest is right: the end
/// </code>
///
/// The end of the disk is told only when the whole blob was the one that the manifest names, so whoever reads to the end has the right bytes.
/// </summary>
internal sealed class RegistrySource(RegistryReference reference, SourceAccess access) : ImageSource
{
    public override string Shown => reference.Shown;

    public override async Task<IImageStream> OpenAsync(TimeProvider time, StoreTimings timings, CancellationToken ct)
    {
        var login = RegistryLogin.AddTo(access, reference);
        var dialect = new RegistryDialect(reference, login);
        try
        {
            var client = new RegistryClient(reference, login, dialect, time, timings);
            var (layers, digest) = await client.LayersAsync(ct).ConfigureAwait(false);
            return new RegistryImage(reference.Shown, layers, Open, dialect) { Revision = digest.ToString() };

            IImageStream Open(Descriptor layer, CancellationToken stop) =>
                client.Blob(layer.Digest).OpenAsync(time, timings, stop).GetAwaiter().GetResult();
        }
        catch
        {
            dialect.Dispose();
            throw;
        }
    }

    public override async Task FetchAsync(PartFile part, FetchMeter meter, TimeProvider time, StoreTimings timings, CancellationToken ct)
    {
        meter.Begin(FetchPhase.Fetching, 0, null, $"from {Shown}");
        using var image = await OpenAsync(time, timings, ct).ConfigureAwait(false);
        await OwnThread.RunAsync(Copy, ct).ConfigureAwait(false);

        void Copy()
        {
            using var disk = (RegistryDisk)image.ReadThrough(access.Connections, ct);
            part.DemandSpace(disk.DiskLength);
            meter.Begin(FetchPhase.Fetching, 0, disk.DiskLength);
            while (disk.Read(part.Space.Span) is var count and > 0)
            {
                ct.ThrowIfCancellationRequested();
                part.Advance(count);
                meter.At(part.Received);
            }
        }
    }
}

/// <summary>A container disk that can be read.</summary>
/// <param name="name">What errors call it.</param>
/// <param name="layers">The lowest first.</param>
/// <param name="open">Opens the blob of a layer; blocks.</param>
/// <param name="held">Disposed with it.</param>
internal sealed class RegistryImage(
    string name, IReadOnlyList<Descriptor> layers, Func<Descriptor, CancellationToken, IImageStream> open, IDisposable held) : IImageStream
{
    public string Name => name;

    public long? TotalLength => null;

    public bool IsJudgedAtEnd => true;

    public string? Revision { get; init; }

    public Stream ReadThrough(int ahead, CancellationToken ct) => Disk(ahead, static layer => layer, ct);

    /// <summary>Its disk, for who wants to see no more than the beginning of it.</summary>
    /// <param name="budget">What may be read of its layers.</param>
    /// <param name="ct">Ends a read that waits.</param>
    public RegistryDisk ReadBeginning(ReadBudget budget, CancellationToken ct) => Disk(1, layer => new BudgetedImage(layer, budget), ct);

    private RegistryDisk Disk(int ahead, Func<IImageStream, IImageStream> around, CancellationToken ct) =>
        new(name, layers, layer => new BlobStream(around(open(layer, ct)), layer, name, ahead, ct), ct);

    public void Dispose() => held.Dispose();
}
