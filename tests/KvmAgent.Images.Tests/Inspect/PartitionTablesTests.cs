using KvmAgent.Images.Inspect;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Inspect;

/// <summary>Raw disks whose partition tables are, or are not, true of them.</summary>
public sealed class PartitionTablesTests
{
    private const int Size = 4 << 20;

    [Theory]
    [InlineData(512, true)]
    [InlineData(512, false)]
    [InlineData(4096, true)]
    public void A_sound_gpt_is_accepted(int sector, bool mbr) =>
        Inspect(DiskSamples.Gpt(Size, sector, mbr)).Content.ShouldBe("GPT partition table");

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void A_gpt_disk_cut_short_is_truncated(int sector) => Refused(DiskSamples.Gpt(Size, sector)[..(Size - 64 * sector)], "last usable", "truncated");

    [Fact]
    public void A_gpt_disk_cut_within_its_copy_of_the_gpt_is_accepted() => Inspect(DiskSamples.Gpt(Size)[..(Size - 512)]);

    [Fact]
    public void A_gpt_disk_cut_in_its_table_is_truncated() => Refused(DiskSamples.Gpt(Size)[..1000], "truncated");

    [Theory]
    [InlineData(8, 0x20000u, "version")]
    [InlineData(12, 91u, "91 bytes")]
    [InlineData(12, 513u, "513 bytes")]
    [InlineData(24, 2u, "sector 2")]
    [InlineData(48, 33u, "34 to 33")]
    [InlineData(72, 1u, "in sector 1")]
    [InlineData(76, 0x80000000u, "in sector")]
    [InlineData(80, 0u, "0 entries")]
    [InlineData(80, 0xffffffffu, "entries")]
    [InlineData(84, 100u, "100 bytes")]
    [InlineData(88, 1u, "checksum of its GPT's entries")]
    public void A_gpt_with_a_wrong_field_is_refused(int at, uint value, string words)
    {
        var disk = DiskSamples.Gpt(Size).Bend32(512 + at, value).Bend32(512 + 16, 0);
        Refused(disk.Bend32(512 + 16, Crc.Crc32(disk.AsSpan(512, 92))), words);
    }

    [Fact]
    public void A_gpt_with_a_wrong_checksum_is_refused() => Refused(DiskSamples.Gpt(Size).Bend(512 + 60, 1), "its GPT's checksum");

    [Theory]
    [InlineData(33, 100)]
    [InlineData(100, 99)]
    [InlineData(100, Size / 512 - 33)]
    public void A_gpt_partition_outside_is_refused(int first, int last) =>
        Refused(DiskSamples.Gpt(Size).Bend64(1024 + 32, (ulong)first).Bend64(1024 + 40, (ulong)last).GptSummed(), "partition 1", "outside");

    [Theory]
    [InlineData(1u, 8191u, true)]
    [InlineData(1u, 8192u, false)]
    [InlineData(0xffffffffu, 0xffffffffu, false)]
    [InlineData(0u, 100u, false)]
    [InlineData(100u, 0u, false)]
    public void An_mbr_partition_must_lie_inside(uint start, uint count, bool good)
    {
        var disk = Mbr(0x83, start, count);
        if (good)
            Inspect(disk).Content.ShouldBe("MBR boot sector");
        else
            Refused(disk, "partition 2 of its MBR");
    }

    [Fact]
    public void A_boot_sector_with_code_where_entries_would_be_is_accepted() => Inspect(Mbr(0x83, 1, uint.MaxValue).Bend(446, 0x0d));

    [Fact]
    public void A_gpt_behind_partitions_of_an_mbr_is_of_an_earlier_life() => Inspect(Mbr(0x83, 1, 100).Bend(512, [.. "EFI PART"u8]));

    [Fact]
    public void A_filesystem_may_have_anything_where_a_table_would_be() => Inspect(Mbr(0x83, 1, uint.MaxValue).Bend(0, [.. "XFSB"u8]));

    private static byte[] Mbr(byte type, uint start, uint count) =>
        new byte[Size].Bend(446 + 16 + 4, type).Bend32(446 + 16 + 8, start).Bend32(446 + 16 + 12, count).Bend(510, 0x55, 0xaa);

    private static ImageInfo Inspect(byte[] disk) => ImageInspector.Inspect(new WatchedStream(disk), "the image");

    private static void Refused(byte[] disk, params string[] words) => Failures.ShouldFail(() => Inspect(disk), ImageFailure.Refused, ["the image", .. words]);
}
