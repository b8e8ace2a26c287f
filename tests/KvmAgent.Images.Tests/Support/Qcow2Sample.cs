using System.Buffers.Binary;

namespace KvmAgent.Images.Tests.Support;

/// <summary>A small qcow2 image from qemu-img, whose bytes a test may then bend.</summary>
internal static class Qcow2Sample
{
    private static readonly Lazy<byte[]> Image = new(() =>
    {
        using var scratch = new Scratch();
        var raw = scratch.File("disk.raw", Samples.Raw(2 << 20));
        var path = Path.Combine(scratch.Root, "disk.qcow2");
        Programs.RunAsync("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path).GetAwaiter().GetResult();
        return File.ReadAllBytes(path);
    });

    public static byte[] Bytes => (byte[])Image.Value.Clone();

    public static byte[] With32(int offset, uint value)
    {
        var image = Bytes;
        BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(offset), value);
        return image;
    }

    public static byte[] With64(int offset, ulong value)
    {
        var image = Bytes;
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(offset), value);
        return image;
    }

    /// <summary>With an incompatible feature bit beside those it has.</summary>
    public static byte[] WithFeature(int bit) =>
        With64(72, BinaryPrimitives.ReadUInt64BigEndian(Bytes.AsSpan(72)) | 1UL << bit);
}
