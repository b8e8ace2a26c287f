using System.Text;

namespace KvmAgent.Images.Layers;

/// <summary>A tar header of 512 bytes (POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar's "Basic Tar Format").</summary>
internal readonly ref struct TarHeader
{
    public const int Size = 512;

    // A name that is no UTF-8 would come out as another name.
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private readonly ReadOnlySpan<byte> _block;

    /// <exception cref="InvalidDataException">Its checksum is wrong.</exception>
    public TarHeader(ReadOnlySpan<byte> block)
    {
        _block = block;
        var (unsigned, signed) = (0L, 0L);
        for (var i = 0; i < Size; i++)
        {
            var value = i is >= 148 and < 156 ? (byte)' ' : block[i];
            unsigned += value;
            signed += (sbyte)value; // as some old ones summed
        }
        if (Number(148, 8) is var sum && sum != unsigned && sum != signed)
            throw new InvalidDataException("it is a tar archive with a damaged header");
    }

    public char Type => (char)_block[156];

    public long Length => Number(124, 12);

    public int Mode => (int)(Number(100, 8) & 0xfff);

    public long Modified => Number(136, 12);

    public string Name
    {
        get
        {
            var name = Text(Field(0, 100));
            // GNU's magic is "ustar  \0", and it has other things where POSIX has the prefix.
            var prefix = _block.Slice(257, 6).SequenceEqual("ustar\0"u8) ? Text(Field(345, 155)) : "";
            return prefix.Length == 0 ? name : $"{prefix}/{name}";
        }
    }

    /// <exception cref="InvalidDataException">It is no UTF-8.</exception>
    public static string Text(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw new InvalidDataException($"it is a tar archive with a name that is not UTF-8 ('{Encoding.Latin1.GetString(bytes)}')");
        }
    }

    private ReadOnlySpan<byte> Field(int at, int length)
    {
        var field = _block.Slice(at, length);
        return field.IndexOf((byte)0) is var end and >= 0 ? field[..end] : field;
    }

    /// <summary>Octal digits between spaces and NULs, or, with the first bit set, GNU's binary.</summary>
    private long Number(int at, int length)
    {
        var field = _block.Slice(at, length);
        if ((field[0] & 0x80) != 0)
            return Binary(field);
        var value = 0L;
        foreach (var digit in field.Trim(" \0"u8))
            value = digit is >= (byte)'0' and <= (byte)'7' && value < 1L << 59 ? (value << 3) + (digit - '0') : throw Wrong();
        return value;
    }

    private static long Binary(ReadOnlySpan<byte> field)
    {
        var negative = (field[0] & 0x40) != 0;
        var value = negative ? -1L : 0;
        for (var i = 0; i < field.Length; i++)
        {
            var digit = i == 0 ? (byte)(negative ? field[0] : field[0] & 0x7f) : field[i];
            if (i < field.Length - 8 ? digit != (negative ? 0xff : 0) : i == field.Length - 8 && digit >= 0x80 != negative)
                throw Wrong();
            value = (value << 8) | digit;
        }
        return value;
    }

    private static InvalidDataException Wrong() => new("it is a tar archive with a number that is none or too large");
}
