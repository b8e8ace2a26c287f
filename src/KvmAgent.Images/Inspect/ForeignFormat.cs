using System.Text;
using KvmAgent.Images.Layers;

namespace KvmAgent.Images.Inspect;

/// <summary>
/// What an image must not be, or not everywhere, told from its magic bytes, each with the remedy for the person who sees it.
/// </summary>
/// <param name="Format">What it is where that is accepted; null for what never is.</param>
internal sealed record ForeignFormat(string Name, string Remedy, ImageFormat? Format = null)
{
    private const string Unpack = "unpack it first";
    private const string Convert = "convert it first: qemu-img convert -O qcow2";
    private const string CheckAddress = "check the address; it may lead to an error or login page";

    private static readonly (long Offset, byte[] Magic, ForeignFormat Format)[] Signatures =
    [
        .. LayerSigns.All.Select(sign => ((long)sign.Offset, sign.Magic,
            new ForeignFormat(sign.Layer == Layer.Tar ? "a tar archive (or OVA)" : $"{sign.Layer.Name()}-compressed data", Unpack))),
        (0, [0x04, 0x22, 0x4d, 0x18], new("lz4-compressed data", Unpack)),
        (4, "1AY&SY"u8.ToArray(), new("bzip2-compressed data", Unpack)),
        (0, "PK\x03\x04"u8.ToArray(), new("a zip archive", Unpack)),
        (0, [(byte)'7', (byte)'z', 0xbc, 0xaf, 0x27, 0x1c], new("a 7z archive", Unpack)),
        (0, "KDMV"u8.ToArray(), new("a VMDK image", Convert, ImageFormat.Vmdk)),
        // ESX keeps COWD's data in files that a descriptor beside it names; a descriptor alone names any file (CVE-2022-47951,
        // CVE-2024-40767). Neither is ever accepted.
        (0, "COWD"u8.ToArray(), new("a VMDK (ESX COWD) image", Convert)),
        (0, "# Disk DescriptorFile"u8.ToArray(), new("a VMDK descriptor, which names other files", Convert)),
        (64, [0x7f, 0x10, 0xda, 0xbe], new("a VDI image", Convert, ImageFormat.Vdi)),
        (0, VhdParser.Magic.ToArray(), new("a VHD image", Convert, ImageFormat.Vhd)),
        (0, "vhdxfile"u8.ToArray(), new("a VHDX image", Convert, ImageFormat.Vhdx)),
        (0, "QED\0"u8.ToArray(), new("a QED image", Convert)),
        (0, [(byte)'L', (byte)'U', (byte)'K', (byte)'S', 0xba, 0xbe], new("a LUKS-encrypted disk", "decrypt it first")),
        (0, "WithoutFreeSpace"u8.ToArray(), new("a Parallels image", Convert)),
        (0, "WithouFreSpacExt"u8.ToArray(), new("a Parallels image", Convert)),
    ];

    // VHD puts its footer last, 511 bytes long in early versions; DMG has its trailer there.
    private static readonly (int FromEnd, byte[] Magic, ForeignFormat Format)[] Trailers =
    [
        (512, VhdParser.Magic.ToArray(), new("a VHD image", Convert, ImageFormat.Vhd)),
        (511, VhdParser.Magic.ToArray(), new("a VHD image", Convert)),
        (512, "koly"u8.ToArray(), new("an Apple disk image (DMG)", Convert)),
    ];

    public static IEnumerable<ForeignFormat> Find(ImageBytes bytes)
    {
        foreach (var (offset, magic, format) in Signatures)
            if (bytes.Has(offset, magic))
                yield return format;
        if (!bytes.Whole)
            yield break;
        foreach (var (fromEnd, magic, format) in Trailers)
            if (bytes.Length > fromEnd && bytes.Has(bytes.Length - fromEnd, magic))
                yield return format;
    }

    /// <summary>Servers send pages with status 200 in place of images; a disk's first kilobyte is never all text.</summary>
    public static ForeignFormat? FindText(ImageBytes bytes)
    {
        Span<byte> head = stackalloc byte[(int)Math.Min(bytes.Length, 1024)];
        if (!bytes.TryRead(0, head) || head.ContainsAnyExceptInRange((byte)0x20, (byte)0xff) && !OnlyTextControls(head))
            return null;
        var text = Encoding.Latin1.GetString(head).TrimStart('\u00ef', '\u00bb', '\u00bf', ' ', '\t', '\r', '\n');
        if (text.Length == 0)
            return null;
        if (text.Contains("<html", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase))
            return new("a web page (HTML)", CheckAddress);
        if (text.StartsWith("version https://git-lfs", StringComparison.Ordinal))
            return new("a Git LFS pointer", "take the address of the file itself");
        return text[0] switch
        {
            '<' => new("an XML or HTML document", CheckAddress),
            '{' or '[' => new("a JSON document", CheckAddress),
            _ => new("a text", CheckAddress),
        };
    }

    private static bool OnlyTextControls(ReadOnlySpan<byte> head)
    {
        foreach (var b in head)
            if (b < 0x20 && b is not ((byte)'\t' or (byte)'\n' or (byte)'\r' or (byte)'\f'))
                return false;
        return true;
    }
}
