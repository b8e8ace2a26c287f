using System.Security.Cryptography;

namespace KvmAgent.Images;

/// <summary>A digest with its algorithm, written <c>sha256:hex</c> or <c>sha512:hex</c>; letters are lower case inside.</summary>
public sealed record Checksum
{
    private Checksum(HashAlgorithmName algorithm, string hex) => (Algorithm, Hex) = (algorithm, hex);

    public HashAlgorithmName Algorithm { get; }

    public string Hex { get; }

    public static Checksum Parse(string text) =>
        TryParse(text, out var checksum) ? checksum : throw new ImageException(ImageFailure.Settings,
            $"checksum '{text}' is not understood; write sha256: and 64 hexadecimal digits, or sha512: and 128");

    public static bool TryParse(string? text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Checksum? checksum)
    {
        checksum = null;
        var parts = (text ?? "").Trim().Split(':', 2);
        if (parts.Length != 2)
            return false;
        var (algorithm, digits) = parts[0].ToLowerInvariant() switch
        {
            "sha256" => (HashAlgorithmName.SHA256, 64),
            "sha512" => (HashAlgorithmName.SHA512, 128),
            _ => (default, 0),
        };
        if (digits == 0 || parts[1].Length != digits || !parts[1].All(char.IsAsciiHexDigit))
            return false;
        checksum = new Checksum(algorithm, parts[1].ToLowerInvariant());
        return true;
    }

    public override string ToString() => $"{Algorithm.Name!.ToLowerInvariant()}:{Hex}";

    internal static Checksum Of(HashAlgorithmName algorithm, ReadOnlySpan<byte> hash) => new(algorithm, Convert.ToHexStringLower(hash));
}
