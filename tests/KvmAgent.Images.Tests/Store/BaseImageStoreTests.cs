using KvmAgent.Images.Store;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Store;

public sealed class BaseImageStoreTests : IDisposable
{
    private static readonly byte[] Disk = Samples.Raw(700_001);

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    private string Image => Path.Combine(_scratch.Volume, "base");

    [Fact]
    public async Task An_image_comes_over_http_whole_read_only_and_with_its_record()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk));

        var image = await Quick.EnsureAsync(_scratch.Request(server.Url()));

        image.ShouldBe(new BaseImage(Image, Samples.Sha256(Disk), ImageFormat.Raw, Disk.Length, Fetched: true));
        File.ReadAllBytes(Image).ShouldBe(Disk);
        File.GetUnixFileMode(Image).ShouldBe(UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        _scratch.Names.ShouldBe(["base", "base.json"]);
    }

    [Fact]
    public async Task An_image_comes_from_a_local_path()
    {
        var image = await Quick.EnsureAsync(_scratch.Request(_scratch.File("source.img", Disk)));

        image.Digest.ShouldBe(Samples.Sha256(Disk));
        File.ReadAllBytes(Image).ShouldBe(Disk);
        _scratch.Names.ShouldBe(["base", "base.json"]);
    }

    [Fact]
    public async Task A_qcow2_tells_the_size_of_the_disk_inside()
    {
        var image = await Quick.EnsureAsync(_scratch.Request(_scratch.File("source", Qcow2Sample.Bytes)));

        (image.Format, image.VirtualSize).ShouldBe((ImageFormat.Qcow2, 2 << 20));
    }

    [Fact]
    public async Task The_image_itself_may_be_its_source()
    {
        File.WriteAllBytes(Image, Disk);
        (await Quick.EnsureAsync(_scratch.Request(Image))).Fetched.ShouldBeFalse();
    }

    [Fact]
    public async Task The_right_checksum_is_accepted_whichever_algorithm_and_case()
    {
        var source = _scratch.File("source", Disk);
        foreach (var checksum in new[] { Samples.Sha256(Disk), Samples.Sha256(Disk).ToUpperInvariant(), Samples.Sha512(Disk) })
        {
            File.Delete(Image);
            (await Quick.EnsureAsync(_scratch.Request(source) with { Checksum = Checksum.Parse(checksum) })).Fetched.ShouldBeTrue();
            (await Quick.EnsureAsync(_scratch.Request(source) with { Checksum = Checksum.Parse(checksum) })).Fetched.ShouldBeFalse();
        }
    }

    [Fact]
    public async Task A_wrong_checksum_is_refused_with_both_digests_and_nothing_stays()
    {
        var wanted = Samples.Sha256([]);
        await Quick.EnsureAsync(_scratch.Request(_scratch.File("source", Disk)) with { Checksum = Checksum.Parse(wanted) })
            .ShouldFailAsync(ImageFailure.Refused, wanted, Samples.Sha256(Disk));
        _scratch.Names.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_image_that_is_there_with_another_digest_is_refused_and_stays(bool sha512)
    {
        await Quick.EnsureAsync(_scratch.Request(_scratch.File("source", Disk)));
        var (wanted, found) = sha512 ? (Samples.Sha512([]), Samples.Sha512(Disk)) : (Samples.Sha256([]), Samples.Sha256(Disk));

        await Quick.EnsureAsync(_scratch.Request(null) with { Checksum = Checksum.Parse(wanted) })
            .ShouldFailAsync(ImageFailure.Refused, wanted, found, "remove");

        File.Exists(Image).ShouldBeTrue();
    }

    [Fact]
    public async Task A_format_that_is_not_wanted_here_is_refused()
    {
        var request = _scratch.Request(_scratch.File("source", Disk)) with { Formats = [ImageFormat.Qcow2, ImageFormat.Iso] };
        await Quick.EnsureAsync(request).ShouldFailAsync(ImageFailure.Refused, "MBR", "qcow2, iso");
        _scratch.Names.ShouldBeEmpty();

        await Quick.EnsureAsync(request with { Formats = null });
        await Quick.EnsureAsync(request).ShouldFailAsync(ImageFailure.Refused, Image, "qcow2, iso");
    }

    [Fact]
    public async Task A_format_that_no_guest_can_have_is_accepted_only_if_it_is_named()
    {
        var request = _scratch.Request(_scratch.File("source", DiskSamples.Vmdk));
        const string Words = "is refused as a disk image: it is a VMDK image; convert it first: qemu-img convert -O qcow2";
        await Quick.EnsureAsync(request).ShouldFailAsync(ImageFailure.Refused, Words);
        await Quick.EnsureAsync(request with { Formats = [ImageFormat.Iso, ImageFormat.Vhd] }).ShouldFailAsync(ImageFailure.Refused, Words);
        _scratch.Names.ShouldBeEmpty();

        var image = await Quick.EnsureAsync(request with { Formats = [ImageFormat.Vmdk] });
        (image.Format, image.VirtualSize).ShouldBe((ImageFormat.Vmdk, DiskSamples.Size));
        await Quick.EnsureAsync(request).ShouldFailAsync(ImageFailure.Refused, Image, Words);
    }

    [Fact]
    public async Task A_hostile_image_is_refused_wherever_it_lies()
    {
        var hostile = Qcow2Sample.WithFeature(2);
        await Quick.EnsureAsync(_scratch.Request(_scratch.File("source", hostile))).ShouldFailAsync(ImageFailure.Refused, "data in another file");
        _scratch.Names.ShouldBeEmpty();

        File.WriteAllBytes(Image, hostile);
        await Quick.EnsureAsync(_scratch.Request(null)).ShouldFailAsync(ImageFailure.Refused, Image, "data in another file");
    }

    [Fact]
    public async Task Zeroes_become_holes_and_the_content_is_the_same()
    {
        var disk = new byte[40 << 20];
        Samples.Raw(100_000).CopyTo(disk, 0);
        disk[20 << 20] = 1;
        await using var server = new FaultServer(heard => Answer.File(heard, disk));

        await Quick.EnsureAsync(_scratch.Request(server.Url()));

        File.ReadAllBytes(Image).ShouldBe(disk);
        Libc.Stat(Image)!.Value.Allocated.ShouldBeLessThan(512 * 1024);
    }

    [Fact]
    public async Task Progress_counts_up_to_the_whole_and_is_not_told_too_often()
    {
        var disk = Samples.Raw(2_000_000);
        await using var server = new FaultServer(heard => Answer.File(heard, disk) with { Piece = 10_000, Pause = TimeSpan.FromMilliseconds(1) });
        var reports = new Reports();

        await Quick.EnsureAsync(_scratch.Request(server.Url()), reports, Quick.Timings with { Report = TimeSpan.FromMilliseconds(20) });

        var fetching = reports.All.Where(r => r.Phase == FetchPhase.Fetching).ToList();
        fetching.Select(r => r.Bytes).ShouldBeInOrder();
        fetching[^1].Total.ShouldBe(disk.Length);
        fetching.ShouldContain(r => r.BytesPerSecond > 0);
        fetching.Count.ShouldBeLessThan(200);
        reports.All[^1].ShouldBe(new FetchProgress(disk.Length, disk.Length, 0, FetchPhase.Storing, null));
    }
}
