using System.Globalization;

namespace KvmAgent.Images.Layers;

/// <summary>
/// Reads a tar archive as it streams by: ustar, pax, GNU's long names, and the old form. The runtime's own reader takes names and attributes
/// of any length into memory, which 2 MB of gzip can make 2 GiB; and it takes an archive that was cut between two entries for a whole one.
/// </summary>
/// <param name="stream">The archive; not disposed here.</param>
internal sealed class TarArchive(Stream stream)
{
    // Longer than any path that can be made.
    private const int LongestAttributes = 1 << 20;

    private readonly byte[] _block = new byte[TarHeader.Size];
    private long _left, _padding;

    /// <summary>Passes over what is left of the entry before.</summary>
    /// <returns>Null at the end of the archive.</returns>
    /// <exception cref="InvalidDataException">It is none, is damaged or cut short.</exception>
    public TarMember? Next()
    {
        string? longName = null;
        var attributes = new Dictionary<string, string>();
        for (var headers = 0; ; headers++)
        {
            Skip(_left + _padding);
            if (!ReadHeader())
                return headers == 0 ? null : throw CutShort();
            var header = new TarHeader(_block);
            Begin(header.Length);
            switch (header.Type)
            {
                // Many in a row are a game: each says what one entry needs to have said.
                case 'L' or 'K' or 'x' or 'X' or 'g' when headers > 8:
                    throw new InvalidDataException("it is a tar archive with too many headers for one entry");
                case 'L':
                    longName = TarHeader.Text(ReadAll().AsSpan().TrimEnd((byte)0));
                    break;
                case 'x' or 'X':
                    ReadAttributes(ReadAll(), attributes);
                    break;
                case 'g':
                    DemandHarmless(ReadAll());
                    break;
                case 'K':
                    _ = ReadAll();
                    break;
                default:
                    return Member(header, longName, attributes);
            }
        }
    }

    /// <summary>Reads of the last entry's content.</summary>
    public int Read(Span<byte> buffer)
    {
        var count = stream.Read(buffer[..(int)Math.Min(buffer.Length, _left)]);
        if (count == 0 && buffer.Length > 0 && _left > 0)
            throw CutShort();
        _left -= count;
        return count;
    }

    private TarMember Member(TarHeader header, string? longName, Dictionary<string, string> attributes)
    {
        var name = attributes.GetValueOrDefault("path") ?? longName ?? header.Name;
        var sparse = attributes.Keys.Any(key => key.StartsWith("GNU.sparse", StringComparison.Ordinal));
        var kind = header.Type switch
        {
            _ when sparse => TarKind.SparseFile,
            '0' or '7' or '\0' => header.Type == '\0' && name.EndsWith('/') ? TarKind.Directory : TarKind.File,
            '1' => TarKind.HardLink,
            '2' => TarKind.SymbolicLink,
            '3' => TarKind.CharacterDevice,
            '4' => TarKind.BlockDevice,
            '5' => TarKind.Directory,
            '6' => TarKind.Fifo,
            'S' => TarKind.SparseFile,
            _ => TarKind.Other,
        };
        if (attributes.TryGetValue("size", out var size))
            Begin(long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var length) ? length : throw Wrong("size"));
        // What these say of their length is not of anything that follows.
        if (kind is not (TarKind.File or TarKind.SparseFile or TarKind.Other))
            Begin(0);
        var modified = !attributes.TryGetValue("mtime", out var time) ? header.Modified
            : time.Length < 30 && decimal.TryParse(time, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds)
                ? seconds : throw Wrong("mtime");
        return new TarMember(kind, name, _left, header.Mode, modified);
    }

    private void Begin(long length)
    {
        if (length is < 0 or > long.MaxValue / 2)
            throw Wrong("size");
        (_left, _padding) = (length, -length & (TarHeader.Size - 1));
    }

    private bool ReadHeader()
    {
        if (!ReadBlock())
            throw CutShort();
        if (_block.AsSpan().ContainsAnyExcept((byte)0))
            return true;
        // Two of zeroes are the end; some write but one.
        if (ReadBlock() && _block.AsSpan().ContainsAnyExcept((byte)0))
            throw new InvalidDataException("it is a tar archive that goes on behind its end");
        return false;
    }

    private bool ReadBlock() => stream.ReadAtLeast(_block, _block.Length, throwOnEndOfStream: false) switch
    {
        0 => false,
        TarHeader.Size => true,
        _ => throw CutShort(),
    };

    private byte[] ReadAll()
    {
        if (_left > LongestAttributes)
            throw new InvalidDataException($"it is a tar archive with a name or attributes of {_left} bytes");
        var all = new byte[_left];
        if (stream.ReadAtLeast(all, all.Length, throwOnEndOfStream: false) < all.Length)
            throw CutShort();
        _left = 0;
        return all;
    }

    private void Skip(long length)
    {
        Span<byte> buffer = stackalloc byte[4096];
        while (length > 0)
        {
            var count = stream.Read(buffer[..(int)Math.Min(buffer.Length, length)]);
            length -= count > 0 ? count : throw CutShort();
        }
    }

    /// <summary>Records of the form <c>LENGTH KEY=VALUE\n</c>.</summary>
    private static void ReadAttributes(ReadOnlySpan<byte> records, Dictionary<string, string> into)
    {
        while (records.Length > 0)
        {
            var space = records.IndexOf((byte)' ');
            if (space is < 1 or > 7 || !int.TryParse(records[..space], NumberStyles.None, CultureInfo.InvariantCulture, out var length)
                || length <= space + 1 || length > records.Length || records[length - 1] != '\n'
                || records[(space + 1)..(length - 1)] is var record && record.IndexOf((byte)'=') is var equals && equals < 1)
                throw new InvalidDataException("it is a tar archive with damaged attributes");
            var key = TarHeader.Text(record[..equals]);
            // Others may hold anything, such as an SELinux label with a NUL at its end, and are of no use here.
            if (key is "path" or "size" or "mtime" || key.StartsWith("GNU.sparse", StringComparison.Ordinal))
                into[key] = TarHeader.Text(record[(equals + 1)..]);
            records = records[length..];
        }
    }

    private static void DemandHarmless(byte[] records)
    {
        var attributes = new Dictionary<string, string>();
        ReadAttributes(records, attributes);
        if (attributes.Keys.FirstOrDefault(key => key != "mtime") is { } key)
            throw new InvalidDataException($"it is a tar archive that gives all entries one '{key}'");
    }

    private static InvalidDataException CutShort() => new("it is a tar archive that was cut short");

    private static InvalidDataException Wrong(string what) => new($"it is a tar archive with a {what} that is none");
}
