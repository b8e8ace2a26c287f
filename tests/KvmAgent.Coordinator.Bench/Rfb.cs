using System.Buffers.Binary;

namespace KvmAgent.Coordinator.Bench;

/// <summary>A viewer that asks for the whole screen again and again, and counts what comes: RFB 3.8 without security, RFC 6143.</summary>
internal static class Rfb
{
    public const int Raw = 0, Zrle = 16;

    private const byte NoSecurity = 1, SetEncodings = 2, UpdateRequest = 3;

    /// <param name="encoding"><see cref="Raw"/> or <see cref="Zrle"/>.</param>
    /// <returns>Screens and bytes a second.</returns>
    public static async Task<(double Screens, double Bytes)> ViewAsync(Stream stream, int encoding, TimeSpan during, CancellationToken cancel)
    {
        await ReadAsync(stream, 12, cancel);
        await stream.WriteAsync("RFB 003.008\n"u8.ToArray(), cancel);
        var kinds = await ReadAsync(stream, (await ReadAsync(stream, 1, cancel))[0], cancel);
        Demand(kinds.Contains(NoSecurity), "the screen wants a password");
        await stream.WriteAsync(new[] { NoSecurity }, cancel);
        Demand(BinaryPrimitives.ReadUInt32BigEndian(await ReadAsync(stream, 4, cancel)) == 0, "the viewer is refused");
        await stream.WriteAsync(new byte[] { 1 }, cancel);
        var about = await ReadAsync(stream, 24, cancel);
        await ReadAsync(stream, (int)BinaryPrimitives.ReadUInt32BigEndian(about.AsSpan(20)), cancel);
        var (width, height, depth) = (BinaryPrimitives.ReadUInt16BigEndian(about), BinaryPrimitives.ReadUInt16BigEndian(about.AsSpan(2)), about[4] / 8);

        await stream.WriteAsync(new byte[] { SetEncodings, 0, 0, 1, 0, 0, 0, (byte)encoding }, cancel);
        var request = new byte[10];
        request[0] = UpdateRequest;
        BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(6), width);
        BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(8), height);

        var (began, screens, bytes) = (TimeProvider.System.GetTimestamp(), 0, 0L);
        while (TimeProvider.System.GetElapsedTime(began) < during)
        {
            await stream.WriteAsync(request, cancel);
            bytes += await UpdateAsync(stream, depth, cancel);
            screens++;
        }

        var seconds = TimeProvider.System.GetElapsedTime(began).TotalSeconds;
        return (screens / seconds, bytes / seconds);
    }

    private static async Task<long> UpdateAsync(Stream stream, int depth, CancellationToken cancel)
    {
        var head = await ReadAsync(stream, 4, cancel);
        Demand(head[0] == 0, $"message {head[0]} was not asked for");
        long total = head.Length;
        for (var left = BinaryPrimitives.ReadUInt16BigEndian(head.AsSpan(2)); left > 0; left--)
        {
            var part = await ReadAsync(stream, 12, cancel);
            var length = BinaryPrimitives.ReadInt32BigEndian(part.AsSpan(8)) switch
            {
                Raw => BinaryPrimitives.ReadUInt16BigEndian(part.AsSpan(4)) * BinaryPrimitives.ReadUInt16BigEndian(part.AsSpan(6)) * depth,
                Zrle => (int)BinaryPrimitives.ReadUInt32BigEndian(await ReadAsync(stream, 4, cancel)),
                var other => throw new InvalidDataException($"encoding {other} was not asked for"),
            };
            await ReadAsync(stream, length, cancel);
            total += part.Length + length;
        }

        return total;
    }

    private static async Task<byte[]> ReadAsync(Stream stream, int length, CancellationToken cancel)
    {
        var bytes = new byte[length];
        await stream.ReadExactlyAsync(bytes, cancel);
        return bytes;
    }

    private static void Demand(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new InvalidDataException(otherwise);
        }
    }
}
