namespace KvmAgent.Images.Layers;

/// <summary>What an image can be wrapped in. It is told by content; names lie.</summary>
internal enum Layer
{
    Gzip,
    Xz,
    Zstd,
    Tar,
}

internal static class LayerSigns
{
    /// <summary>How much of the beginning has to be seen.</summary>
    public const int Needed = 512;

    public static IReadOnlyList<(Layer Layer, int Offset, byte[] Magic)> All { get; } =
    [
        (Layer.Gzip, 0, [0x1f, 0x8b, 8]),
        (Layer.Xz, 0, [0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0]),
        (Layer.Zstd, 0, [0x28, 0xb5, 0x2f, 0xfd]),
        (Layer.Tar, 257, "ustar"u8.ToArray()),
    ];

    /// <returns>Null for none of them.</returns>
    public static Layer? Find(ReadOnlySpan<byte> beginning)
    {
        foreach (var (layer, offset, magic) in All)
            if (beginning.Length >= offset + magic.Length && beginning.Slice(offset, magic.Length).SequenceEqual(magic))
                return layer;
        return null;
    }

    public static string Name(this Layer layer) => layer.ToString().ToLowerInvariant();
}
