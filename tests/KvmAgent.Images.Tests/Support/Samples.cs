using System.Security.Cryptography;

namespace KvmAgent.Images.Tests.Support;

internal static class Samples
{
    /// <summary>A raw disk: an MBR signature, and bytes that follow from the seed.</summary>
    public static byte[] Raw(int size, int seed = 1)
    {
        var disk = new byte[size];
        new Random(seed).NextBytes(disk);
        (disk[0], disk[510], disk[511]) = (0xfa, 0x55, 0xaa);
        return disk;
    }

    public static string Sha256(byte[] content) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(content))}";

    public static string Sha512(byte[] content) => $"sha512:{Convert.ToHexStringLower(SHA512.HashData(content))}";
}
