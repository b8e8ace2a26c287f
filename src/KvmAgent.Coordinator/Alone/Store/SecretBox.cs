using System.Security.Cryptography;
using System.Text;

namespace KvmAgent.Coordinator.Alone.Store;

/// <summary>
/// Encrypts what is kept, by AES-256-GCM: who has the data alone has nothing. A box is for the name that it was made for, so that
/// boxes cannot be changed for one another. Its form: 1 (a byte), nonce (12), tag (16), the text.
/// </summary>
internal sealed class SecretBox(byte[] key)
{
    public const int KeyBytes = 32;

    private const byte Form = 1;

    private static readonly int NonceAt = 1, TagAt = NonceAt + AesGcm.NonceByteSizes.MaxSize, TextAt = TagAt + AesGcm.TagByteSizes.MaxSize;

    public byte[] Seal(string name, ReadOnlySpan<byte> text)
    {
        var box = new byte[TextAt + text.Length];
        box[0] = Form;
        RandomNumberGenerator.Fill(box.AsSpan(NonceAt..TagAt));
        using var aes = Aes();
        aes.Encrypt(box.AsSpan(NonceAt..TagAt), text, box.AsSpan(TextAt..), box.AsSpan(TagAt..TextAt), Encoding.UTF8.GetBytes(name));
        return box;
    }

    /// <returns>Null where it was not made by this key, or for another name.</returns>
    public byte[]? Open(string name, ReadOnlySpan<byte> box)
    {
        if (box.Length < TextAt || box[0] != Form)
        {
            return null;
        }

        var text = new byte[box.Length - TextAt];
        try
        {
            using var aes = Aes();
            aes.Decrypt(box[NonceAt..TagAt], box[TextAt..], box[TagAt..TextAt], text, Encoding.UTF8.GetBytes(name));
            return text;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    private AesGcm Aes() => new(key, AesGcm.TagByteSizes.MaxSize);
}
