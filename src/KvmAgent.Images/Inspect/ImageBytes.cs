namespace KvmAgent.Images.Inspect;

/// <summary>
/// Random reads that never leave the file. While an image is still arriving only its beginning is here
/// (<see cref="Whole"/> is false), and what compares with the file's length has to wait.
/// </summary>
internal sealed class ImageBytes(Stream stream, bool whole)
{
    public long Length { get; } = stream.Length;

    public bool Whole => whole;

    public bool TryRead(long offset, Span<byte> into)
    {
        if (offset < 0 || offset > Length - into.Length)
            return false;
        stream.Position = offset;
        stream.ReadExactly(into);
        return true;
    }

    public bool Has(long offset, ReadOnlySpan<byte> magic)
    {
        Span<byte> found = stackalloc byte[magic.Length];
        return TryRead(offset, found) && found.SequenceEqual(magic);
    }
}
