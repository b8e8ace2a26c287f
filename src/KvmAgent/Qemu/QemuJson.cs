using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using KvmAgent.Settings;

namespace KvmAgent.Qemu;

/// <summary>Arguments of <c>-blockdev</c> in their JSON form, which needs no escaping of commas (QEMU's qapi/block-core.json).</summary>
internal static class QemuJson
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The protocol layer: a regular file, or a block device.</summary>
    public static string File(
        string node, string path, bool readOnly, DiskCache cache = DiskCache.Writeback, DiskIo io = DiskIo.Threads, bool isDevice = false) => Write(json =>
    {
        json.WriteString("driver", isDevice ? "host_device" : "file");
        json.WriteString("node-name", node);
        json.WriteString("filename", path);
        json.WriteBoolean("read-only", readOnly);
        json.WriteString("discard", "unmap");
        json.WriteString("aio", io switch { DiskIo.Native => "native", DiskIo.IoUring => "io_uring", _ => "threads" });
        WriteCache(json, cache);
    });

    /// <summary>The format layer above it.</summary>
    /// <param name="backing">The node below; empty for none whatever the image's header says; null for formats that have no such thing.</param>
    public static string Format(
        string node, string driver, string file, bool readOnly, string? backing = null, DiskCache cache = DiskCache.Writeback) => Write(json =>
    {
        json.WriteString("driver", driver);
        json.WriteString("node-name", node);
        json.WriteString("file", file);
        json.WriteBoolean("read-only", readOnly);
        json.WriteString("discard", "unmap");
        WriteCache(json, cache);
        if (backing is { Length: 0 })
        {
            json.WriteNull("backing");
        }
        else if (backing is not null)
        {
            json.WriteString("backing", backing);
        }
    });

    private static void WriteCache(Utf8JsonWriter json, DiskCache cache)
    {
        json.WriteStartObject("cache");
        json.WriteBoolean("direct", cache is DiskCache.None or DiskCache.Directsync);
        json.WriteBoolean("no-flush", cache is DiskCache.Unsafe);
        json.WriteEndObject();
    }

    private static string Write(Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, Options))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
