using System.Buffers.Binary;
using System.Collections.Concurrent;
using KvmAgent.Images.Inspect;

namespace KvmAgent.Images.Tests.Support;

/// <summary>Small images from qemu-img in other formats than qcow2, whose bytes a test may then bend.</summary>
internal static class DiskSamples
{
    public const int Size = 3 << 20;

    private static readonly ConcurrentDictionary<(string, string), byte[]> Made = new();

    /// <summary>A disk of 3 MiB of data, converted; the bytes are the caller's own.</summary>
    public static byte[] Make(string format, string options = "") => (byte[])Made.GetOrAdd((format, options), static key =>
    {
        using var scratch = new Scratch();
        var raw = scratch.File("disk.raw", Samples.Raw(Size));
        var path = Path.Combine(scratch.Root, "disk." + key.Item1);
        Programs.RunAsync(["qemu-img", "convert", "-f", "raw", "-O", key.Item1, .. key.Item2.Length > 0 ? ["-o", key.Item2] : Array.Empty<string>(), raw, path]).GetAwaiter().GetResult();
        return File.ReadAllBytes(path);
    }).Clone();

    public static byte[] Vmdk => Make("vmdk");

    /// <summary>As writers make it that cannot seek: the directory's place is told at the end. qemu-img reads such but does not write it.</summary>
    public static byte[] Stream
    {
        get
        {
            var image = Make("vmdk", "subformat=streamOptimized");
            var whole = new byte[image.Length + 1536];
            image.CopyTo(whole, 0);
            var tail = whole.AsSpan(image.Length);
            (tail[0], tail[12]) = (1, 3);
            image.AsSpan(0, 512).CopyTo(tail[512..]);
            whole.AsSpan(56, 8).Fill(0xff);
            return whole;
        }
    }

    public static byte[] Vdi => Make("vdi");

    public static byte[] Vhd => Make("vpc", "force_size");

    public static byte[] FixedVhd => Make("vpc", "subformat=fixed,force_size");

    public static byte[] Vhdx => Make("vhdx", "block_size=1M");

    public static byte[] Bend(this byte[] image, int at, params byte[] bytes)
    {
        bytes.CopyTo(image, at);
        return image;
    }

    public static byte[] Bend32(this byte[] image, int at, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(at), value);
        return image;
    }

    public static byte[] Bend64(this byte[] image, int at, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(at), value);
        return image;
    }

    /// <summary>Bends a VHD's footer, and its copy where there is one, and sums anew.</summary>
    public static byte[] BendFooter(this byte[] image, int at, params byte[] bytes)
    {
        var end = image.Length - 512;
        bytes.CopyTo(image, end + at);
        SumVhd(image.AsSpan(end), 64);
        if (image.AsSpan().StartsWith("conectix"u8))
            image.AsSpan(end).CopyTo(image);
        return image;
    }

    /// <summary>Bends a dynamic VHD's header and sums anew.</summary>
    public static byte[] BendHeader(this byte[] image, int at, params byte[] bytes)
    {
        bytes.CopyTo(image, 512 + at);
        SumVhd(image.AsSpan(512, 1024), 36);
        return image;
    }

    /// <summary>Sums a VHDX' headers and region table anew.</summary>
    public static byte[] Summed(this byte[] image)
    {
        foreach (var (at, length) in new[] { (0x10000, 4096), (0x20000, 4096), (0x30000, 65536) })
        {
            image.Bend32(at + 4, 0);
            image.Bend32(at + 4, Crc.Crc32C(image.AsSpan(at, length)));
        }
        return image;
    }

    /// <summary>A disk with a GPT of one partition over all of it, without the copy at the end.</summary>
    public static byte[] Gpt(int size, int sector = 512, bool mbr = true)
    {
        var disk = new byte[size];
        if (mbr)
            disk.Bend(446 + 4, 0xee).Bend32(446 + 8, 1).Bend32(446 + 12, uint.MaxValue).Bend(510, 0x55, 0xaa);
        var last = (ulong)(size / sector - 34);
        Guid.Parse("0fc63daf-8483-4772-8e79-3d69d8477de4").ToByteArray().CopyTo(disk, 2 * sector);
        disk.Bend64(2 * sector + 32, 34).Bend64(2 * sector + 40, last);
        "EFI PART"u8.CopyTo(disk.AsSpan(sector));
        disk.Bend32(sector + 8, 0x10000).Bend32(sector + 12, 92).Bend64(sector + 24, 1).Bend64(sector + 32, (ulong)(size / sector - 1))
            .Bend64(sector + 40, 34).Bend64(sector + 48, last).Bend64(sector + 72, 2).Bend32(sector + 80, 128).Bend32(sector + 84, 128);
        return disk.GptSummed(sector);
    }

    public static byte[] GptSummed(this byte[] disk, int sector = 512)
    {
        disk.Bend32(sector + 88, Crc.Crc32(disk.AsSpan(2 * sector, 128 * 128)));
        return disk.Bend32(sector + 16, 0).Bend32(sector + 16, Crc.Crc32(disk.AsSpan(sector, 92)));
    }

    private static void SumVhd(Span<byte> block, int at)
    {
        block.Slice(at, 4).Clear();
        var sum = 0u;
        foreach (var b in block)
            sum += b;
        BinaryPrimitives.WriteUInt32BigEndian(block[at..], ~sum);
    }
}
