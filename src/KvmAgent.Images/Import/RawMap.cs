using System.Runtime.CompilerServices;

namespace KvmAgent.Images.Import;

/// <summary>A raw image is its disk.</summary>
internal sealed class RawMap(long size) : IImageMap
{
    private const long Window = 256 << 20;

    public long VirtualSize => size;

    public int ClusterSize => throw new InvalidOperationException("a raw image has no clusters");

    public async IAsyncEnumerable<List<Extent>> ReadAsync([EnumeratorCancellation] CancellationToken ct)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        for (var at = 0L; at < size; at += Window)
            yield return [new Extent(at, at, Math.Min(Window, size - at), Compressed: false)];
    }

    public IClusterUnpacker CreateUnpacker() => throw new InvalidOperationException("a raw image has no clusters");
}
