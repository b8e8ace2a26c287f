using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace KvmAgent.Coordinator.Alone;

/// <summary>
/// Bearer tokens of 256 random bits. What is kept of them is their SHA-256: nothing can be guessed of what is as random as that, so it needs
/// no salt and no slow hash.
/// </summary>
internal static class Token
{
    private const int Bytes = 32;

    public static string New() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(Bytes));

    public static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));

    /// <summary>In the same time whatever they are.</summary>
    public static bool AreSame(byte[] hash, byte[]? other) => CryptographicOperations.FixedTimeEquals(hash, other);
}
