using KvmAgent.Images.Inspect;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Inspect;

/// <summary>Bytes bent at random, the same at every run: only the one refusal may come out, soon, and without much memory.</summary>
public sealed class InspectorFuzzTests
{
    private const int Rounds = 4_000;
    private const long MostMemory = 1 << 20;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_qcow2_with_flipped_bytes_is_accepted_or_refused_and_nothing_else(int seed)
    {
        var random = new Random(seed);
        var sample = Qcow2Sample.Bytes[..400_000];
        var refused = 0;
        for (var round = 0; round < Rounds; round++)
        {
            // Mostly the header, sometimes the L1 table, sometimes anywhere.
            var changes = Enumerable.Range(0, random.Next(1, 5)).Select(_ => random.Next(10) switch
            {
                < 7 => random.Next(128),
                < 9 => 0x30000 + random.Next(16),
                _ => random.Next(sample.Length),
            }).Select(at => (at, was: sample[at])).ToList();
            foreach (var (at, _) in changes)
                sample[at] = (byte)random.Next(256);

            refused += Try(sample) ? 0 : 1;

            changes.Reverse();
            foreach (var (at, was) in changes)
                sample[at] = was;
        }
        refused.ShouldBeInRange(Rounds / 4, Rounds - Rounds / 50);
    }

    [Fact]
    public void A_header_of_interesting_numbers_is_accepted_or_refused_and_nothing_else()
    {
        var random = new Random(3);
        ulong[] numbers = [0, 1, 3, 9, 21, 72, 104, 0x1ff, 0x200, 0x10000, 0x30000, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, ulong.MaxValue];
        for (var round = 0; round < Rounds; round++)
        {
            var image = Qcow2Sample.With64(8 * random.Next(1, 14), numbers[random.Next(numbers.Length)]);
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(4 * random.Next(1, 28)), (uint)numbers[random.Next(numbers.Length)]);
            Try(image);
        }
    }

    [Fact]
    public void A_qcow2_cut_anywhere_is_accepted_or_refused_and_nothing_else()
    {
        var sample = Qcow2Sample.Bytes;
        var random = new Random(4);
        for (var round = 0; round < Rounds; round++)
            Try(sample[..random.Next(round % 2 == 0 ? 300 : sample.Length)]);
    }

    [Fact]
    public void Noise_behind_a_magic_is_refused_and_nothing_else()
    {
        var random = new Random(5);
        for (var round = 0; round < Rounds; round++)
        {
            var noise = new byte[random.Next(1, 4096)];
            random.NextBytes(noise);
            if (noise.Length > 8 && round % 2 == 0)
                Convert.FromHexString("514649fb00000003").CopyTo(noise, 0);
            Try(noise);
        }
    }

    [Fact]
    public void The_largest_l1_table_is_read_in_pieces()
    {
        var image = new byte[(64 << 10) * 3 + (32 << 20)];
        Qcow2Sample.Bytes.AsSpan(0, 0x30000).CopyTo(image);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(36), 4 << 20);
        Try(image).ShouldBeTrue();
    }

    [Fact]
    public void A_larger_one_is_refused()
    {
        var image = new byte[(64 << 10) * 3 + (40 << 20)];
        Qcow2Sample.Bytes.AsSpan(0, 0x30000).CopyTo(image);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(36), (4 << 20) + 1);
        Try(image).ShouldBeFalse();
    }

    [Fact]
    public void A_header_full_of_extensions_is_refused_soon()
    {
        var image = Qcow2Sample.Bytes;
        for (var at = 112; at < 60_000; at += 8)
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(at), 1UL << 32);
        Try(image).ShouldBeFalse();
    }

    private static bool Try(byte[] image)
    {
        using var stream = new MemoryStream(image, writable: false);
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            ImageInspector.Inspect(stream, "the image");
            return true;
        }
        catch (ImageException e)
        {
            e.Reason.ShouldBe(ImageFailure.Refused);
            return false;
        }
        finally
        {
            (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(MostMemory);
        }
    }
}
