using System.Security.Cryptography;

namespace KvmAgent.Images.Store;

/// <summary>An image's digests: SHA-256, by which overlays know it, and that of a checksum of another algorithm.</summary>
internal readonly record struct ImageDigests(Checksum Sha256, Checksum? Other)
{
    public Checksum? Of(HashAlgorithmName algorithm) => algorithm == Sha256.Algorithm ? Sha256 : algorithm == Other?.Algorithm ? Other : null;

    /// <exception cref="ImageException">Another checksum is wanted.</exception>
    public void Demand(Checksum? wanted, string name, string remedy) => wanted?.Demand(Of(wanted.Algorithm), name, remedy);
}

/// <summary>Hashes an image's bytes as they come.</summary>
/// <param name="wanted">The checksum that it shall be compared with.</param>
internal sealed class ImageHash(Checksum? wanted) : IDisposable
{
    private readonly IncrementalHash _sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly IncrementalHash? _other =
        wanted is null || wanted.Algorithm == HashAlgorithmName.SHA256 ? null : IncrementalHash.CreateHash(wanted.Algorithm);

    public void Append(ReadOnlySpan<byte> bytes)
    {
        _sha256.AppendData(bytes);
        _other?.AppendData(bytes);
    }

    /// <summary>The digests of all that was appended; what comes next begins anew.</summary>
    public ImageDigests Finish() => new(
        Checksum.Of(HashAlgorithmName.SHA256, _sha256.GetHashAndReset()),
        _other is null ? null : Checksum.Of(wanted!.Algorithm, _other.GetHashAndReset()));

    public void Dispose()
    {
        _sha256.Dispose();
        _other?.Dispose();
    }
}
