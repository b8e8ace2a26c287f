using System.Buffers.Binary;
using System.Text;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Inspect;

/// <summary>VMDK, VDI, VHD and VHDX that are damaged, or lead to other files: each from a sound one, by one change.</summary>
public sealed class DiskFormatsRefusedTests : IDisposable
{
    private const uint Mega = 1 << 20;

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData(4, 0u, "version is 0")]
    [InlineData(4, 4u, "version is 4")]
    [InlineData(8, 0x13u, "VMDK flags 0x10")]
    [InlineData(8, 0x10003u, "disagree")]
    [InlineData(12, 0u, "capacity is 0")]
    [InlineData(16, 0x80000000u, "capacity is")]
    [InlineData(12, 6145u, "extent has 6144")]
    [InlineData(20, 0u, "grain size is 0")]
    [InlineData(20, 100u, "grain size is 100")]
    [InlineData(20, 1u << 20, "grain size")]
    [InlineData(28, 0u, "sectors at 0")]
    [InlineData(28, 1u << 20, "beyond the end")]
    [InlineData(32, 0x80000000u, "descriptor")]
    [InlineData(36, 0u, "0 sectors")]
    [InlineData(36, 129u, "129 sectors")]
    [InlineData(44, 1024u, "1024 entries")]
    [InlineData(48, 1u << 20, "directory of 1 tables")]
    [InlineData(56, 0u, "in sector 0")]
    [InlineData(56, 1u << 20, "directory of 1 tables")]
    [InlineData(64, 1u << 20, "first grain")]
    [InlineData(72, 0x0d0a2000u, "line ends")]
    public void A_vmdk_with_a_wrong_field_is_refused(int at, uint value, string words) => Refused(DiskSamples.Vmdk.Bend32(at, value), words);

    [Theory]
    [InlineData("createType=\"monolithicSparse\"", "createType=\"streamOptimized\"", "its header says monolithicSparse")]
    [InlineData("createType=\"monolithicSparse\"", "createType=\"monolithicFlat\"", "other files")]
    [InlineData("createType=\"monolithicSparse\"", "createType=\"twoGbMaxExtentSparse\"", "other files")]
    [InlineData("createType=\"monolithicSparse\"", "createType=\"vmfs\"", "ESX")]
    [InlineData("createType=\"monolithicSparse\"", "createType=\"seSparse\"", "ESX")]
    [InlineData("createType=\"monolithicSparse\"", "createType=\"fullDevice\"", "device of the host")]
    [InlineData("createType=\"monolithicSparse\"", "createType=\"x\"", "not known here")]
    [InlineData("createType=\"monolithicSparse\"\n", "", "type or its parent")]
    [InlineData("parentCID=ffffffff\n", "", "type or its parent")]
    [InlineData("parentCID=ffffffff", "parentCID=00000001", "changes to a parent")]
    [InlineData("parentCID=ffffffff", "parentCID=ffffffff\nparentFileNameHint=\"/etc/shadow\"", "changes to a parent")]
    [InlineData("# The Disk Data Base", "# parentFileNameHint=\"/etc/shadow\"", "changes to a parent")]
    [InlineData("# The Disk Data Base", "# parentCID=00000001", "type or its parent")]
    [InlineData("version=1\n", "", "no version")]
    [InlineData("version=1", "version=1\nversion=1", "or twice")]
    [InlineData("version=1", "version=9", "not known here")]
    [InlineData("version=1", "version=1\nchangeTrackPath=\"x-ctk.vmdk\"", "not known here")]
    [InlineData("version=1", "version=1\nisNativeSnapshot=\"yes\"", "not known here")]
    [InlineData("version=1", "version=1\nsomething", "not known here")]
    [InlineData("ddb.adapterType", "ddb.nativeParentHint", "not known here")]
    [InlineData("RW 6144 SPARSE \"disk.vmdk\"\n", "", "no extent")]
    [InlineData("RW 6144 SPARSE \"disk.vmdk\"", "RW 6144 SPARSE \"disk.vmdk\"\nRW 6144 SPARSE \"other.vmdk\"", "several extents")]
    [InlineData("RW 6144 SPARSE \"disk.vmdk\"", "RW 6144 FLAT \"disk.vmdk\" 0", "type FLAT")]
    [InlineData("RW 6144 SPARSE \"disk.vmdk\"", "RW 6144 ZERO", "not understood")]
    [InlineData("RW 6144 SPARSE \"disk.vmdk\"", "NOACCESS 6144 SPARSE \"disk.vmdk\"", "not understood")]
    [InlineData("RW 6144 SPARSE \"disk.vmdk\"", "RW 6144 SPARSE \"/etc/shadow\"", "leads elsewhere")]
    [InlineData("RW 6144 SPARSE \"disk.vmdk\"", "RW 6144 SPARSE \"..\\disk.vmdk\"", "leads elsewhere")]
    [InlineData("RW 6144 SPARSE \"disk.vmdk\"", "RW 6144 SPARSE \"..\"", "leads elsewhere")]
    [InlineData("RW 6144 SPARSE \"disk.vmdk\"", "RW 6144 SPARSE \"disk.vmdk\" 128", "leads elsewhere")]
    [InlineData("RW 6144 SPARSE \"disk.vmdk\"", "RW 6144 SPARSE disk.vmdk", "leads elsewhere")]
    [InlineData("RW 6144 SPARSE", "RW 12288 SPARSE", "12288 sectors")]
    [InlineData("RW 6144 SPARSE", "RW -6144 SPARSE", "-6144 sectors")]
    [InlineData("# Disk DescriptorFile", "# Disk Descriptor", "does not begin")]
    [InlineData("# Extent description", "# Extent \u0001", "no text")]
    [InlineData("ddb.toolsVersion", "\0ddb.toolsVersion", "not ended by zeroes")]
    public void A_vmdk_with_a_wrong_descriptor_is_refused(string was, string becomes, string words)
    {
        var image = DiskSamples.Vmdk;
        var text = Encoding.Latin1.GetString(image, 512, 20 * 512).TrimEnd('\0');
        text.ShouldContain(was);
        image.AsSpan(512, 20 * 512).Clear();
        Refused(image.Bend(512, Encoding.Latin1.GetBytes(text.Replace(was, becomes, StringComparison.Ordinal))), words);
    }

    [Fact]
    public void A_vmdk_whose_descriptor_does_not_end_is_refused()
    {
        var image = DiskSamples.Vmdk;
        image.AsSpan(512, 20 * 512).Replace((byte)0, (byte)'\n');
        Refused(image, "not ended by zeroes");
    }

    [Theory]
    [InlineData("47\"\n8")]
    [InlineData("147483647\"\n")]
    public void A_vmdk_whose_descriptor_is_followed_by_more_than_its_own_end_is_refused(string rest)
    {
        var image = DiskSamples.Vmdk;
        var end = image.AsSpan(512).IndexOf((byte)0) + 512;
        Refused(image.Bend(end + 1, Encoding.Latin1.GetBytes(rest)), "not ended by zeroes");
    }

    [Theory]
    [InlineData("subformat=monolithicFlat")]
    [InlineData("subformat=twoGbMaxExtentSparse")]
    [InlineData("subformat=twoGbMaxExtentFlat")]
    public async Task A_vmdk_of_several_files_is_refused(string options)
    {
        var path = Path.Combine(_scratch.Root, "disk.vmdk");
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", "vmdk", "-o", options, path, "8M");
        Refused(await File.ReadAllBytesAsync(path), "VMDK descriptor, which names other files");
    }

    [Fact]
    public async Task A_vmdk_with_a_parent_is_refused()
    {
        var (parent, path) = (Path.Combine(_scratch.Root, "parent.vmdk"), Path.Combine(_scratch.Root, "disk.vmdk"));
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", "vmdk", parent, "8M");
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", "vmdk", "-b", parent, "-F", "vmdk", path);
        Refused(await File.ReadAllBytesAsync(path), "changes to a parent");
    }

    [Fact]
    public void An_esx_cowd_is_refused() => Refused(new byte[1 << 20].Bend(0, [.. "COWD"u8]), "COWD");

    [Fact]
    public void A_vmdk_whose_grain_tables_are_cut_off_is_truncated() => Refused(DiskSamples.Vmdk[..(22 * 512)], "truncated");

    [Theory]
    [InlineData(1536 - 12, "does not end in a footer")]
    [InlineData(1536 - 8, "does not end in a footer")]
    [InlineData(1024, "does not end in a footer")]
    [InlineData(1024 - 12, "footer differs")]
    [InlineData(1024 - 36, "footer differs")]
    [InlineData(1024 - 64, "footer differs")]
    [InlineData(1024 - 78, "footer differs")]
    [InlineData(512, "does not end in a footer")]
    [InlineData(1024 - 62, "directory of 1 tables")]
    public void A_stream_with_a_wrong_footer_is_refused(int fromEnd, string words)
    {
        var image = DiskSamples.Stream;
        image[^fromEnd] ^= 0x40;
        Refused(image, words);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(512)]
    [InlineData(1536)]
    public void A_stream_cut_short_is_truncated(int by) => Refused(DiskSamples.Stream[..^by], "truncated");

    [Fact]
    public void A_sparse_vmdk_with_its_directory_at_the_end_is_refused() => Refused(DiskSamples.Vmdk.Bend64(56, ulong.MaxValue), "no stream");

    [Theory]
    [InlineData(0x44, 2u, "version 0.2")]
    [InlineData(0x48, 0x100u, "header's size")]
    [InlineData(0x48, 0x1c0u, "header's size")]
    [InlineData(0x4c, 0u, "type is 0")]
    [InlineData(0x4c, 3u, "parent")]
    [InlineData(0x4c, 4u, "parent")]
    [InlineData(0x4c, 5u, "type is 5")]
    [InlineData(0x154, 100u, "at 100")]
    [InlineData(0x154, 0u, "at 0")]
    [InlineData(0x154, 0x80000000u, "does not fit")]
    [InlineData(0x158, 513u, "data at 513")]
    [InlineData(0x158, 512u, "does not fit")]
    [InlineData(0x158, 0x80000000u, "truncated")]
    [InlineData(0x168, 4096u, "4096 bytes")]
    [InlineData(0x170, 0u, "virtual size is 0")]
    [InlineData(0x170, 3 * Mega + 1, "virtual size")]
    [InlineData(0x174, 0x80000000u, "virtual size")]
    [InlineData(0x178, 0u, "blocks have 0")]
    [InlineData(0x178, 3 * Mega, "blocks have")]
    [InlineData(0x17c, 512u, "512 bytes")]
    [InlineData(0x180, 0u, "0 blocks")]
    [InlineData(0x180, 0x20000000u, "blocks")]
    [InlineData(0x180, 1000u, "does not fit")]
    [InlineData(0x184, 4u, "4 of 3")]
    [InlineData(0x184, 2u, "entry 2 of its map is block 2 of 2")]
    [InlineData(0x1a8, 1u, "parent")]
    [InlineData(0x1c4, 1u, "parent")]
    [InlineData(0x200, 3u, "entry 0 of its map is block 3")]
    [InlineData(0x1fc, 0xaa550000u, "several things")]
    public void A_vdi_with_a_wrong_field_is_refused(int at, uint value, string words) => Refused(DiskSamples.Vdi.Bend32(at, value), words);

    [Theory]
    [InlineData("")]
    [InlineData("static=on")]
    public void A_vdi_cut_short_is_truncated(string options) => Refused(DiskSamples.Make("vdi", options)[..^1], "truncated");

    [Fact]
    public void A_vdi_cut_in_its_header_is_refused() => Refused(DiskSamples.Vdi[..511], "cut off");

    [Theory]
    [InlineData(12, "00020000", "version is 0x20000")]
    [InlineData(16, "0000000000001000", "no header at 4096")]
    [InlineData(16, "ffffffffffffffff", "no header")]
    [InlineData(16, "7ffffffffffffe00", "no header")]
    [InlineData(48, "0000000000000000", "virtual size is 0")]
    [InlineData(48, "0000000000300001", "virtual size")]
    [InlineData(48, "8000000000000000", "virtual size")]
    [InlineData(48, "0000010000000000", "do not hold")]
    [InlineData(60, "00000000", "type is 0")]
    [InlineData(60, "00000002", "begins with a footer")]
    [InlineData(60, "00000004", "parent")]
    [InlineData(84, "01", "saved state")]
    [InlineData(510, "55aa", "several things")]
    public void A_vhd_with_a_wrong_footer_is_refused(int at, string value, string words) =>
        Refused(DiskSamples.Vhd.BendFooter(at, Convert.FromHexString(value)), words);

    [Fact]
    public void A_vhd_without_a_geometry_that_needs_one_is_refused() =>
        Refused(DiskSamples.Vhd.BendFooter(28, [.. "vpc "u8]).BendFooter(56, 0, 0, 0, 0), "geometry makes 0");

    [Fact]
    public void A_vhd_whose_geometry_exceeds_its_blocks_is_refused() =>
        Refused(DiskSamples.Vhd.BendFooter(28, [.. "vpc "u8]).BendFooter(56, 1, 0, 16, 63), "do not hold");

    [Theory]
    [InlineData(24, "00020000", "header's version")]
    [InlineData(28, "00000001", "do not hold")]
    [InlineData(28, "ffffffff", "truncated")]
    [InlineData(16, "0000000000000000", "at 0")]
    [InlineData(16, "0000000040000000", "truncated")]
    [InlineData(16, "fffffffffffffe00", "truncated")]
    [InlineData(32, "00000000", "block size is 0")]
    [InlineData(32, "00300000", "block size is")]
    [InlineData(32, "40000000", "block size is")]
    [InlineData(40, "01", "parent")]
    [InlineData(576, "57326b75", "parent")]
    public void A_vhd_with_a_wrong_header_is_refused(int at, string value, string words) =>
        Refused(DiskSamples.Vhd.BendHeader(at, Convert.FromHexString(value)), words);

    [Fact]
    public void A_vhd_with_wrong_checksums_is_refused()
    {
        Refused(DiskSamples.FixedVhd.Bend(DiskSamples.FixedVhd.Length - 400, 1), "footer's checksum");
        Refused(DiskSamples.Vhd.Bend(512 + 900, 1), "header's checksum");
        Refused(DiskSamples.Vhd.Bend(100, 1), "copy of its footer");
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(3 * Mega / 512)]
    [InlineData(0x7fffffffu)]
    [InlineData(0xfffffffeu)]
    public void A_vhd_with_a_block_outside_is_refused(uint sector)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, sector);
        Refused(DiskSamples.Vhd.Bend(1536, bytes), "a block at");
    }

    [Fact]
    public void A_dynamic_vhd_cut_short_is_truncated() => Refused(DiskSamples.Vhd[..^512], "truncated");

    [Fact]
    public void A_fixed_vhd_without_its_beginning_is_truncated() => Refused(DiskSamples.FixedVhd[4096..], "truncated");

    [Fact]
    public void A_fixed_vhd_of_a_differencing_type_is_refused() => Refused(DiskSamples.FixedVhd.BendFooter(60, 0, 0, 0, 4), "parent");

    [Fact]
    public void A_fixed_vhd_with_a_vhd_in_it_is_refused() => Refused(DiskSamples.FixedVhd.Bend(0, DiskSamples.Vhd[..512]), "begins with a footer");

    [Fact]
    public void A_fixed_vhd_with_the_header_of_a_dynamic_one_is_refused() =>
        Refused(DiskSamples.FixedVhd.BendFooter(16, 0, 0, 0, 0, 0, 0, 2, 0), "header of a dynamic one");

    [Fact]
    public void A_vhd_with_the_early_footer_of_511_bytes_is_refused() => Refused(DiskSamples.FixedVhd[..^1], "VHD");

    [Theory]
    [InlineData(66, 2u, "version is 2")]
    [InlineData(48, 1u, "log is not empty")]
    [InlineData(62, 0x100u, "log is not empty")]
    [InlineData(68, 0x1000u, "log of 1052672")]
    [InlineData(72, 0x1000u, "lies at 1052672")]
    public void A_vhdx_with_a_wrong_header_is_refused(int at, uint value, string words)
    {
        var image = DiskSamples.Vhdx;
        foreach (var header in new[] { 0x10000, 0x20000 })
            image.Bend(header + at, (byte)value, (byte)(value >> 8));
        Refused(image.Summed(), words);
    }

    [Fact]
    public void Of_two_headers_the_later_sound_one_counts()
    {
        var sound = DiskSamples.Vhdx;
        var newer = sound.AsSpan(0x10008, 8).SequenceCompareTo(sound.AsSpan(0x20008, 8)) > 0 ? 0x10000 : 0x20000;
        var older = 0x30000 - newer;
        Inspect(DiskSamples.Vhdx.Bend(older + 100, 1));
        Inspect(DiskSamples.Vhdx.Bend(newer + 100, 1));
        Refused(DiskSamples.Vhdx.Bend(newer + 100, 1).Bend(older + 100, 1), "neither of its headers");
        Inspect(DiskSamples.Vhdx.Bend(older + 48, 1).Bend64(older + 8, 1).Bend64(newer + 8, 2).Summed());
        Refused(DiskSamples.Vhdx.Bend(newer + 48, 1).Bend64(older + 8, 1).Bend64(newer + 8, 2).Summed(), "log is not empty");
        Refused(DiskSamples.Vhdx.Bend(newer + 100, 1).Bend64(older + 8, 1).Bend64(newer + 8, 1).Summed(), "same number");
    }

    [Theory]
    [InlineData(0, 0x00000000u, "region table is not sound")]
    [InlineData(8, 2048u, "2048 regions")]
    [InlineData(8, 1u, "no block table or no metadata")]
    [InlineData(0x10, 0u, "no block table or no metadata")]
    [InlineData(0x20, 0x1000u, "lies at 4096")]
    [InlineData(0x20, 0x40000000u, "truncated")]
    [InlineData(0x24, 0x80000000u, "truncated")]
    [InlineData(0x28, 0u, "of 0 bytes")]
    [InlineData(0x28, 4096u, "of 4096 bytes")]
    [InlineData(0x40, 0x200000u, "overlap")]
    public void A_vhdx_with_a_wrong_region_is_refused(int at, uint value, string words) =>
        Refused(DiskSamples.Vhdx.Bend32(0x30000 + at, value).Summed(), words);

    [Fact]
    public void A_vhdx_with_a_region_twice_is_refused()
    {
        var image = DiskSamples.Vhdx;
        image.AsSpan(0x30010, 32).CopyTo(image.AsSpan(0x30050));
        Refused(image.Bend32(0x30008, 3).Summed(), "there twice");
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    public void A_vhdx_may_have_a_region_not_known_here_if_it_does_not_need_it(uint required)
    {
        var image = DiskSamples.Vhdx;
        image.AsSpan(0x30010, 32).CopyTo(image.AsSpan(0x30050));
        image.Bend32(0x30008, 3).Bend32(0x30050, 0).Bend32(0x3006c, required).Summed();
        if (required == 0)
            Inspect(image);
        else
            Refused(image, "needs a region not known here");
    }

    [Fact]
    public void A_vhdx_with_a_wrong_checksum_is_refused() => Refused(DiskSamples.Vhdx.Bend(0x3ff00, 1), "region table is not sound");

    // Entries: parameters, size, identity, logical and physical sector; from 64 KiB on their values.
    [Theory]
    [InlineData(0, 0u, "metadata table is not sound")]
    [InlineData(8, 0x00810000u, "129 pieces")]
    [InlineData(8, 0x00020000u, "do not tell")]
    [InlineData(0x20, 0u, "not known here")]
    [InlineData(0x30, 0x100u, "lies outside")]
    [InlineData(0x30, 0x00fffffcu, "lies outside")]
    [InlineData(0x34, 4u, "4 bytes, not 8")]
    [InlineData(0x38, 5u, "not known here")]
    [InlineData(0x54, 0xffffffffu, "lies outside")]
    [InlineData(0x10000, 0u, "block size is 0")]
    [InlineData(0x10000, 3 * Mega, "block size is")]
    [InlineData(0x10000, 512 * Mega, "block size is")]
    [InlineData(0x10004, 2u, "parent")]
    [InlineData(0x10008, 100u, "virtual size is")]
    [InlineData(0x1000c, 0x80000000u, "virtual size is")]
    [InlineData(0x1000c, 0x100u, "no room for")]
    [InlineData(0x10020, 1024u, "1024 bytes")]
    public void A_vhdx_with_wrong_metadata_is_refused(int at, uint value, string words)
    {
        var image = DiskSamples.Vhdx;
        var start = (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(0x30040));
        Refused(image.Bend32(start + at, value), words);
    }

    [Fact]
    public void A_vhdx_with_a_parent_locator_is_refused()
    {
        var image = DiskSamples.Vhdx;
        var start = (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(0x30040));
        image.Bend(start + 10, 6).Bend(start + 0xc0, Guid.Parse("a8d35f2d-b30b-454d-abf7-d3d84834ab0c").ToByteArray()).Bend32(start + 0xd0, 0x10100).Bend32(start + 0xd4, 20);
        Refused(image, "parent");
    }

    [Theory]
    [InlineData(7u, 0u, "state 7")]
    [InlineData(4u, 0u, "state 4")]
    [InlineData(6u, 0u, "a block at 0")]
    [InlineData(0x7ff00006u, 0u, "truncated")]
    [InlineData(6u, 0xffffffffu, "truncated")]
    public void A_vhdx_with_a_block_outside_is_refused(uint low, uint high, string words)
    {
        var image = DiskSamples.Vhdx;
        var start = (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(0x30020));
        Refused(image.Bend32(start, low).Bend32(start + 4, high), words);
    }

    [Fact]
    public void A_vhdx_cut_short_is_truncated()
    {
        Refused(DiskSamples.Vhdx[..^1], "truncated");
        Refused(DiskSamples.Vhdx[..0x20000], "cut off");
    }

    [Theory]
    [InlineData("vmdk")]
    [InlineData("vdi")]
    [InlineData("vpc")]
    [InlineData("vhdx")]
    public void A_polyglot_is_refused(string format)
    {
        Refused(DiskSamples.Make(format).Bend(0x8000, [.. "\u0001CD001\u0001"u8]), "several things", "ISO 9660");
        Refused(DiskSamples.Make(format).Bend(510, 0x55, 0xaa), "several things", "MBR");
        Refused(DiskSamples.Make(format).Bend(257, [.. "ustar"u8]), "several things", "tar");
        Refused(DiskSamples.Make(format).Bend(0x10040, [.. "_BHRfS_M"u8]), "several things", "btrfs");
    }

    [Fact]
    public void Two_of_these_formats_in_one_are_refused()
    {
        Refused(DiskSamples.Vdi.Bend(0, [.. "KDMV"u8]), "several things", "VDI", "VMDK");
        Refused(DiskSamples.Vhdx.Bend(DiskSamples.Vhdx.Length - 512, [.. "conectix"u8]), "several things", "VHDX", "VHD image");
        Refused(DiskSamples.Vmdk.Bend(DiskSamples.Vmdk.Length - 512, [.. "koly"u8]), "several things", "VMDK", "DMG");
        Refused(DiskSamples.FixedVhd.Bend(0, [.. "QFI\u00fb"u8]).Bend(3, 0xfb), "several things", "qcow2", "VHD");
    }

    private static void Inspect(byte[] image) => ImageInspector.Inspect(new WatchedStream(image), "the image");

    private static void Refused(byte[] image, params string[] words) =>
        Failures.ShouldFail(() => Inspect(image), ImageFailure.Refused, ["the image", .. words]);
}
