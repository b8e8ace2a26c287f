using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace KvmAgent.Images;

/// <summary>A digest with its algorithm, written <c>sha256:HEX</c>, or with sha512, sha1 or md5; letters are lower case inside.</summary>
/// <remarks>SHA-1 and MD5 find out a broken transfer, and no longer who means harm.</remarks>
public sealed record Checksum
{
    /// <summary>How one is written, for error messages.</summary>
    public const string Form = "write sha256:, sha512:, sha1: or md5: and its 64, 128, 40 or 32 hexadecimal digits";

    private Checksum(HashAlgorithmName algorithm, string hex) => (Algorithm, Hex) = (algorithm, hex);

    public HashAlgorithmName Algorithm { get; }

    public string Hex { get; }

    public static Checksum Parse(string text) =>
        TryParse(text, out var checksum) ? checksum : throw new ImageException(ImageFailure.Settings, $"checksum '{text}' is not understood; {Form}");

    public static bool TryParse(string? text, [NotNullWhen(true)] out Checksum? checksum)
    {
        checksum = null;
        var parts = (text ?? "").Trim().Split(':', 2);
        if (parts.Length != 2)
            return false;
        var (algorithm, digits) = parts[0].ToLowerInvariant() switch
        {
            "sha256" => (HashAlgorithmName.SHA256, 64),
            "sha512" => (HashAlgorithmName.SHA512, 128),
            "sha1" => (HashAlgorithmName.SHA1, 40),
            "md5" => (HashAlgorithmName.MD5, 32),
            _ => (default, 0),
        };
        if (digits == 0 || parts[1].Length != digits || !parts[1].All(char.IsAsciiHexDigit))
            return false;
        checksum = new Checksum(algorithm, parts[1].ToLowerInvariant());
        return true;
    }

    public override string ToString() => $"{Algorithm.Name!.ToLowerInvariant()}:{Hex}";

    internal static Checksum Of(HashAlgorithmName algorithm, ReadOnlySpan<byte> hash) => new(algorithm, Convert.ToHexStringLower(hash));

    /// <exception cref="ImageException">Another was found.</exception>
    internal void Demand(Checksum? found, string name, string remedy)
    {
        if (found != this)
            throw new ImageException(ImageFailure.Refused, $"{name} is refused: its digest is {found}, but {this} is wanted; {remedy}");
    }
}
