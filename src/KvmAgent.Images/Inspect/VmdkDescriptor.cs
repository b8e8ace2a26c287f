using System.Globalization;
using System.Text;

namespace KvmAgent.Images.Inspect;

/// <summary>
/// The text inside a VMDK. Every line must be one that we know, for others read it more freely (QEMU looks for words
/// anywhere in it), and each thing they might find must be where we found it.
/// </summary>
internal static class VmdkDescriptor
{
    private const string Signature = "# Disk DescriptorFile";

    private const int LongestCid = 8;

    private static readonly string[] DiskDatabase =
    [
        "ddb.adapterType", "ddb.comment", "ddb.deletable", "ddb.encoding", "ddb.iofilters", "ddb.longContentID", "ddb.thinProvisioned",
        "ddb.toolsInstallType", "ddb.toolsVersion", "ddb.uuid", "ddb.virtualHWVersion",
        "ddb.geometry.cylinders", "ddb.geometry.heads", "ddb.geometry.sectors",
        "ddb.geometry.biosCylinders", "ddb.geometry.biosHeads", "ddb.geometry.biosSectors",
        "ddb.uuid.image", "ddb.uuid.modification", "ddb.uuid.parent", "ddb.uuid.parentmodification",
    ];

    public static void Demand(ReadOnlySpan<byte> area, string createType, long capacity, Refusal refuse)
    {
        // Others may read on where we stop: nothing may follow the text, but for its own last characters. QEMU writes a new CID
        // without leading zeroes, and what the text was longer by stays behind the new end.
        var end = area.IndexOf((byte)0);
        refuse.Demand(end > 0 && area[(end + 1)..].TrimEnd((byte)0) is { Length: < LongestCid } rest && area[..end].EndsWith(rest),
            "its descriptor is not ended by zeroes");
        var text = Encoding.Latin1.GetString(area[..end]);
        refuse.Demand(!text.Any(c => c < ' ' && c is not ('\n' or '\r' or '\t')), "its descriptor is no text");
        var lines = text.Split('\n');
        refuse.Demand(lines[0].TrimEnd() == Signature, "its descriptor does not begin as one");

        // CVE-2015-5163's kind: contents of another file shown to the guest.
        if (Count(text, "parentFileNameHint") > 0)
            throw Child(refuse);

        var (keys, extents) = (new HashSet<string>(StringComparer.OrdinalIgnoreCase), 0);
        foreach (var line in lines.Select(l => l.Trim()))
        {
            if (line.Length == 0 || line[0] == '#')
                continue;
            if (line.Split(' ', 2)[0] is "RW" or "RDONLY" or "NOACCESS")
            {
                // CVE-2022-47951: a second one is another file.
                if (++extents > 1)
                    throw refuse.Because($"it is a VMDK of several extents, each a file of its own; {Remedy}");
                DemandExtent(line, capacity, refuse);
                continue;
            }
            var (key, value) = line.IndexOf('=') is > 0 and var at ? (line[..at].TrimEnd(), Unquoted(line[(at + 1)..].Trim())) : ("", "");
            if (key.Length == 0 || !keys.Add(key) || !IsKnown(key, value, createType, refuse))
                throw refuse.Because($"its VMDK descriptor has a line that is not known here, or twice ('{Short(line)}'); {Remedy}");
        }
        // Without an extent some programs take the file itself, others whatever they please.
        if (extents == 0)
            throw refuse.Because($"its VMDK descriptor names no extent; {Remedy}");
        refuse.Demand(keys.Contains("version") && keys.Contains("CID"), "its descriptor has no version or no CID");
        refuse.Demand(Count(text, "parentCID") == 1 && Count(text, "createType") == 1, "its descriptor tells its type or its parent not once");
    }

    private static bool IsKnown(string key, string value, string createType, Refusal refuse)
    {
        switch (key)
        {
            case "version":
                return value is "1" or "2" or "3" or "4";
            case "encoding":
                return value.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');
            case "CID":
                return IsHex(value);
            case "isNativeSnapshot":
                return value == "no";
            case "parentCID":
                return value.Equals("ffffffff", StringComparison.OrdinalIgnoreCase) ? true : throw Child(refuse);
            case "createType":
                if (value != createType)
                    throw refuse.Because($"it is a VMDK of type '{Short(value)}' {Reason(value, createType)}; {Remedy}");
                return true;
            case "ddb.uuid.parent" or "ddb.uuid.parentmodification":
                return value.Any(c => c is not ('0' or '-')) ? throw Child(refuse) : true;
            default:
                return DiskDatabase.Contains(key, StringComparer.Ordinal);
        }
    }

    private static string Reason(string type, string expected) => type switch
    {
        // CVE-2022-47951, CVE-2024-40767: the extents' names lead to any file of the host.
        "monolithicFlat" or "twoGbMaxExtentFlat" or "twoGbMaxExtentSparse" or "custom" => "whose data lie in other files",
        // CVE-2022-47951: a device of the host as an extent.
        "fullDevice" or "partitionedDevice" or "vmfsRaw" or "vmfsRawDeviceMap" or "vmfsPassthroughRawDeviceMap" => "whose data lie on a device of the host",
        "vmfs" or "vmfsSparse" or "vmfsThin" or "vmfsEagerZeroedThick" or "vmfsPreallocated" or "seSparse" => "of an ESX server, whose data lie in other files",
        "monolithicSparse" or "streamOptimized" => $"while its header says {expected}",
        _ => "that is not known here",
    };

    private static void DemandExtent(string line, long capacity, Refusal refuse)
    {
        var parts = line.Split(' ', 4);
        if (parts is not ["RW" or "RDONLY", var sectors, var type, var quoted])
            throw refuse.Because($"its VMDK descriptor has an extent that is not understood ('{Short(line)}'); {Remedy}");
        // FLAT, ZERO, VMFS and others lie elsewhere: CVE-2022-47951.
        if (type != "SPARSE")
            throw refuse.Because($"its VMDK descriptor has an extent of type {Short(type)}, not SPARSE; {Remedy}");
        var name = Unquoted(quoted);
        // CVE-2024-40767: the name of the file itself has no path.
        if (name.Length == 0 || name.Length == quoted.Length || name.AsSpan().ContainsAny("/\\\"") || name is "." or "..")
            throw refuse.Because($"its VMDK descriptor has an extent with a name that leads elsewhere ({Short(quoted)}); {Remedy}");
        refuse.Demand(long.TryParse(sectors, NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size == capacity,
            $"its extent has {Short(sectors)} sectors, its header says {capacity}");
    }

    private const string Remedy = "convert it where it was made: qemu-img convert -O qcow2";

    private static ImageException Child(Refusal refuse) =>
        refuse.Because($"it is a VMDK that holds only the changes to a parent image, which it names; {Remedy}");

    private static string Unquoted(string text) => text.Length >= 2 && text[0] == '"' && text[^1] == '"' ? text[1..^1] : text;

    private static bool IsHex(string text) => text.Length is > 0 and <= LongestCid && text.All(char.IsAsciiHexDigit);

    private static string Short(string text) => text.Length <= 60 ? text : text[..60] + "…";

    private static int Count(string text, string word)
    {
        var count = 0;
        for (var at = 0; (at = text.IndexOf(word, at, StringComparison.OrdinalIgnoreCase)) >= 0; at += word.Length)
            count++;
        return count;
    }
}
