using KvmAgent.Images.Inspect;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Inspect;

public sealed class Qcow2HeaderTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("1.1", 3)]
    [InlineData("0.10", 2)]
    public async Task An_overlay_tells_its_base_and_the_bases_format(string compat, int version)
    {
        var basis = _scratch.File("base image.img", Samples.Raw(1 << 20));
        var overlay = Path.Combine(_scratch.Root, "vm.qcow2");
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-o", $"compat={compat}", "-b", basis, "-F", "raw", overlay, "30M");

        var header = Qcow2Header.Read(overlay);

        header.Version.ShouldBe(version);
        header.VirtualSize.ShouldBe(30 << 20);
        header.BackingFile.ShouldBe(basis);
        header.BackingFormat.ShouldBe("raw");
        (header.IsDirty, header.IsCorrupt).ShouldBe((false, false));
    }

    [Fact]
    public void Dirty_and_corrupt_are_told_not_judged()
    {
        Qcow2Header.Read(_scratch.File("dirty", Qcow2Sample.WithFeature(0))).IsDirty.ShouldBeTrue();
        Qcow2Header.Read(_scratch.File("corrupt", Qcow2Sample.WithFeature(1))).IsCorrupt.ShouldBeTrue();
    }

    [Fact]
    public void A_file_that_is_not_there_is_unavailable() =>
        Failures.ShouldFail(() => Qcow2Header.Read("/nowhere/vm.qcow2"), ImageFailure.Unavailable, "/nowhere/vm.qcow2");

    [Theory]
    [InlineData(0, 0x00000000u, "QFI")]
    [InlineData(4, 1u, "version is 1")]
    [InlineData(4, 4u, "version is 4")]
    [InlineData(20, 8u, "cluster size")]
    [InlineData(20, 22u, "cluster size")]
    [InlineData(20, 0xffffffffu, "cluster size")]
    [InlineData(24, 0xffffffffu, "virtual size")]
    [InlineData(24, 0x00ffffffu, "L1 table")]
    [InlineData(36, 0u, "L1 table")]
    [InlineData(36, 0xffffffffu, "L1 table")]
    [InlineData(36, 0x400000u, "truncated")]
    [InlineData(40, 0x7fffffffu, "L1 table")]
    [InlineData(44, 1u, "boundary")]
    [InlineData(48, 0x70000000u, "refcount table")]
    [InlineData(48, 0xffffffffu, "refcount table")]
    [InlineData(56, 0u, "refcount table has 0")]
    [InlineData(56, 0xffffffffu, "refcount table")]
    [InlineData(60, 0xffffffffu, "snapshots")]
    [InlineData(60, 3u, "snapshot table")]
    [InlineData(96, 7u, "refcount order")]
    [InlineData(100, 80u, "header length")]
    [InlineData(100, 0x7fffffffu, "header length")]
    [InlineData(12, 0x20000u, "backing file")]
    [InlineData(12, 20u, "backing file")]
    public void A_bent_field_is_damage_and_named(int offset, uint value, string words) => Damaged(Qcow2Sample.With32(offset, value), words);

    [Theory]
    [InlineData(0x8000_0000_0004_0001)]
    [InlineData(0x8000_0000_0004_0200)]
    [InlineData(0x0100_0000_0004_0000)]
    public void A_bent_entry_of_the_l1_table_is_damage(ulong entry) =>
        Damaged(Qcow2Sample.With64(0x30000, entry), $"entry 0 of its L1 table is 0x{entry:x16}");

    [Fact]
    public void A_backing_name_of_impossible_length_is_damage()
    {
        var image = Qcow2Sample.With32(12, 600);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(16), 0xfffffff0);
        Damaged(image, "backing file");
    }

    [Fact]
    public void A_header_extension_that_leaves_the_header_is_damage()
    {
        var image = Qcow2Sample.With32(112, 0xe2792aca);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(116), 0x7fffffff);
        Damaged(image, "extension");
    }

    [Theory]
    [InlineData(0, "QFI")]
    [InlineData(60, "cut off")]
    [InlineData(100, "cut off")]
    [InlineData(70_000, "truncated")]
    [InlineData(200_000, "truncated")]
    [InlineData(262_144, "truncated")]
    public void A_file_cut_short_in_its_tables_is_damage(int length, string words) => Damaged(Qcow2Sample.Bytes[..length], words);

    private void Damaged(byte[] image, string words)
    {
        var path = _scratch.File("damaged", image);
        Failures.ShouldFail(() => Qcow2Header.Read(path), ImageFailure.Refused, path, "damaged qcow2", words);
    }
}
