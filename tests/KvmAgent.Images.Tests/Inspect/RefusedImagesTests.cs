using System.Text;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Inspect;

public sealed class RefusedImagesTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("<!DOCTYPE html>\n<html><body>404</body></html>", "web page (HTML)")]
    [InlineData("\ufeff  <HTML lang=de>Grüße</HTML>", "web page (HTML)")]
    [InlineData("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "XML")]
    [InlineData("{\"message\": \"not found\"}", "JSON")]
    [InlineData("Not Found\n", "a text")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS")]
    public void A_page_in_place_of_an_image_is_refused(string page, string name) => Refused(Encoding.UTF8.GetBytes(page), name);

    [Fact]
    public void A_long_web_page_is_refused() =>
        Refused(Encoding.UTF8.GetBytes("<!DOCTYPE html><html>" + string.Concat(Enumerable.Repeat("<p>sorry</p>\n", 50_000))), "web page (HTML)");

    [Theory]
    [InlineData("gzip", "gzip", "-kc")]
    [InlineData("xz", "xz", "-kc")]
    [InlineData("bzip2", "bzip2", "-kc")]
    public async Task A_packed_image_is_refused_with_the_advice_to_unpack_it(string name, string program, string option)
    {
        var raw = _scratch.File("disk.raw", new byte[100_000]);
        var packed = Path.Combine(_scratch.Root, "packed");
        await Programs.RunAsync("sh", "-c", "exec \"$1\" \"$2\" \"$3\" > \"$4\"", "sh", program, option, raw, packed);
        Refused(File.ReadAllBytes(packed), name, "unpack");
    }

    [Theory]
    [InlineData(0, "28b52ffd", "zstd", "unpack")]
    [InlineData(0, "504b0304", "zip", "unpack")]
    [InlineData(0, "377abcaf271c", "7z", "unpack")]
    [InlineData(257, "7573746172", "tar", "unpack")]
    [InlineData(0, "51454400", "QED", "qemu-img convert")]
    [InlineData(0, "4c554b53babe", "LUKS", "decrypt")]
    [InlineData(0, "636f6e6563746978", "VHD", "qemu-img convert")]
    [InlineData(1_048_576 - 512, "636f6e6563746978", "VHD", "qemu-img convert")]
    [InlineData(1_048_576 - 511, "636f6e6563746978", "VHD", "qemu-img convert")]
    [InlineData(1_048_576 - 512, "6b6f6c79", "DMG", "qemu-img convert")]
    [InlineData(0, "574c4f47", "nothing we know", "accepted")]
    public void A_foreign_format_is_refused_by_name_and_with_a_remedy(int offset, string magic, string name, string remedy)
    {
        var image = new byte[1_048_576];
        Convert.FromHexString(magic).CopyTo(image, offset);
        Refused(image, name, remedy);
    }

    [Theory]
    [InlineData("vmdk", "", "VMDK")]
    [InlineData("vmdk", "subformat=monolithicFlat", "VMDK descriptor")]
    [InlineData("vdi", "", "VDI")]
    [InlineData("vpc", "", "VHD")]
    [InlineData("vpc", "subformat=fixed", "VHD")]
    [InlineData("vhdx", "", "VHDX")]
    [InlineData("qed", "", "QED")]
    [InlineData("parallels", "", "Parallels")]
    public async Task What_qemu_img_makes_in_another_format_is_refused_by_name(string format, string options, string name)
    {
        var path = Path.Combine(_scratch.Root, "disk");
        await Programs.RunAsync(["qemu-img", "create", "-q", "-f", format, .. options.Length > 0 ? ["-o", options] : Array.Empty<string>(), path, "8M"]);
        Refused(File.ReadAllBytes(path), name, "qemu-img convert");
    }

    [Fact]
    public void An_empty_file_is_refused() => Refused([], "empty");

    [Fact]
    public async Task A_pipe_is_refused_and_not_waited_for()
    {
        using var scratch = new Scratch();
        var pipe = Path.Combine(scratch.Root, "pipe");
        await Programs.RunAsync("mkfifo", pipe);

        Failures.ShouldFail(() => ImageInspector.Inspect(pipe), ImageFailure.Refused, pipe, "is not a regular file");
    }

    [Fact]
    public void Zeroes_are_refused() => Refused(new byte[1 << 20], "nothing we know");

    [Fact]
    public void A_qcow2_that_is_an_iso_too_is_refused() => Refused(Put(Qcow2Sample.Bytes, 0x8000, "\u0001CD001\u0001"), "several things", "qcow2", "ISO 9660");

    [Fact]
    public void A_qcow2_that_is_a_partitioned_disk_too_is_refused()
    {
        var image = Qcow2Sample.Bytes;
        (image[510], image[511]) = (0x55, 0xaa);
        Refused(image, "several things", "qcow2", "MBR");
    }

    [Fact]
    public void A_partitioned_disk_with_a_vhd_footer_is_refused() => Refused(Put(Samples.Raw(1 << 20), (1 << 20) - 512, "conectix"), "VHD");

    [Fact]
    public void A_filesystem_that_is_an_iso_too_is_refused() =>
        Refused(Put(Put(new byte[1 << 20], 0x8000, "\u0001CD001\u0001"), 0, "XFSB"), "several things", "ISO 9660", "xfs");

    [Fact]
    public async Task A_qcow2_with_a_backing_file_is_refused()
    {
        var path = Path.Combine(_scratch.Root, "overlay");
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", "/etc/shadow", "-F", "raw", path, "8M");
        Refused(File.ReadAllBytes(path), "backing file", "/etc/shadow", "flatten");
    }

    [Fact]
    public async Task A_qcow2_with_an_external_data_file_is_refused()
    {
        var path = Path.Combine(_scratch.Root, "disk");
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-o", $"data_file={path}.data", path, "8M");
        Refused(File.ReadAllBytes(path), "data in another file");
    }

    /// <param name="method">AES, LUKS. Not made by qemu-img, which measures the CPU for LUKS and fails on a busy machine.</param>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void An_encrypted_qcow2_is_refused(uint method) => Refused(Qcow2Sample.With32(32, method), "encrypted");

    [Fact]
    public void A_corrupt_qcow2_is_refused_in_words_of_its_own() => Refused(Qcow2Sample.WithFeature(1), "marked corrupt", "qemu-img check");

    [Theory]
    [InlineData(5)]
    [InlineData(17)]
    [InlineData(63)]
    public void An_unknown_incompatible_feature_is_refused(int bit) => Refused(Qcow2Sample.WithFeature(bit), "not known here", $"0x{1UL << bit:x}");

    [Fact]
    public async Task A_qcow2_without_a_size_is_refused()
    {
        var path = Path.Combine(_scratch.Root, "disk");
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", path, "0");
        Refused(File.ReadAllBytes(path), "no size");
    }

    private static byte[] Put(byte[] image, int offset, string text)
    {
        Encoding.Latin1.GetBytes(text).CopyTo(image, offset);
        return image;
    }

    private static void Refused(byte[] image, params string[] words) =>
        Failures.ShouldFail(() => ImageInspector.Inspect(new MemoryStream(image), "the image", ImageFormatNames.ForGuests), ImageFailure.Refused, ["the image", .. words]);
}
