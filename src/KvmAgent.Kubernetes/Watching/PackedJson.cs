using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace KvmAgent.Kubernetes;

/// <summary>
/// An object's JSON in Brotli: half as long, of manifests that carry their last applied selves a third. Before it stands how long the JSON is, in four
/// bytes, the lowest first.
/// </summary>
internal static class PackedJson
{
    /// <summary>The second of eleven: a third of the time of the next one, and 3 % longer. The window, 2 to that power, holds most objects whole.</summary>
    private const int Quality = 2, Window = 12;

    public static byte[] Of<T>(T obj, JsonTypeInfo<T> type)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(obj, type);
        var packed = ArrayPool<byte>.Shared.Rent(sizeof(int) + BrotliEncoder.GetMaxCompressedLength(json.Length));
        try
        {
            BinaryPrimitives.WriteInt32LittleEndian(packed, json.Length);
            return BrotliEncoder.TryCompress(json, packed.AsSpan(sizeof(int)), out var length, Quality, Window)
                ? packed[..(sizeof(int) + length)]
                : throw new InvalidOperationException($"{json.Length} bytes of JSON did not fit into as many as they may need");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(packed);
        }
    }

    public static T Read<T>(byte[] packed, JsonTypeInfo<T> type)
    {
        var length = BinaryPrimitives.ReadInt32LittleEndian(packed);
        var json = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            return BrotliDecoder.TryDecompress(packed.AsSpan(sizeof(int)), json, out var read) && read == length
                ? JsonSerializer.Deserialize(json.AsSpan(0, length), type)!
                : throw new InvalidOperationException("what was packed here cannot be unpacked");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(json);
        }
    }
}
