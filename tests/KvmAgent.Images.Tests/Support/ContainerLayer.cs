using System.Formats.Tar;
using System.IO.Compression;

namespace KvmAgent.Images.Tests.Support;

/// <summary>Layers of container images, made entry by entry.</summary>
internal static class ContainerLayer
{
    public const string Manifest = "application/vnd.oci.image.manifest.v1+json";

    public const string Gzip = "application/vnd.oci.image.layer.v1.tar+gzip", Plain = "application/vnd.oci.image.layer.v1.tar";

    /// <summary>A directory where the name ends with '/', a symbolic link where there is no content.</summary>
    public static byte[] Tar(params (string Name, byte[]? Content)[] entries)
    {
        using var bytes = new MemoryStream();
        using (var tar = new TarWriter(bytes, TarEntryFormat.Pax, leaveOpen: true))
            foreach (var (name, content) in entries)
                tar.WriteEntry(name.EndsWith('/') ? new PaxTarEntry(TarEntryType.Directory, name)
                    : content is null ? new PaxTarEntry(TarEntryType.SymbolicLink, name) { LinkName = "/etc/shadow" }
                    : new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });
        return bytes.ToArray();
    }

    public static byte[] Packed(byte[] content)
    {
        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(content);
        return bytes.ToArray();
    }
}
