using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Store;

/// <summary>A volume of 4 MiB, mounted for one test.</summary>
public sealed class FullVolumeTests : IAsyncLifetime, IDisposable
{
    private readonly Scratch _scratch = new();

    private BaseImageRequest Request(string source) => _scratch.Request(source);

    public Task InitializeAsync() => Programs.RunAsync("mount", "-t", "tmpfs", "-o", "size=4m", "kvm-agent-images", _scratch.Volume);

    public Task DisposeAsync() => Programs.RunAsync("umount", _scratch.Volume);

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task What_does_not_fit_is_not_begun()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Samples.Raw(6 << 20)) with { CutAfter = 0, Silent = true });

        await Quick.EnsureAsync(Request(server.Url())).ShouldFailAsync(ImageFailure.NoSpace, _scratch.Volume, "bytes free", $"needs {6 << 20}");

        server.Heard.Count.ShouldBe(1);
        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_volume_that_fills_midway_is_left_clean_and_the_next_start_works()
    {
        var fits = false;
        await using var server = new FaultServer(heard => Answer.File(heard, Samples.Raw(fits ? 1 << 20 : 6 << 20)) with { Chunked = true });

        await Quick.EnsureAsync(Request(server.Url())).ShouldFailAsync(ImageFailure.NoSpace, _scratch.Volume, "full");
        _scratch.Names.ShouldBeEmpty();

        fits = true;
        (await Quick.EnsureAsync(Request(server.Url()))).Fetched.ShouldBeTrue();
    }

    [Fact]
    public async Task A_mostly_empty_local_image_fits_by_what_it_occupies()
    {
        var source = _scratch.File("source", Samples.Raw(1 << 20));
        using (var file = File.OpenWrite(source))
            file.SetLength(1 << 30);

        (await Quick.EnsureAsync(Request(source))).VirtualSize.ShouldBe(1 << 30);
    }

    [Fact]
    public async Task A_local_image_that_does_not_fit_is_not_begun() =>
        await Quick.EnsureAsync(Request(_scratch.File("source", Samples.Raw(6 << 20)))).ShouldFailAsync(ImageFailure.NoSpace, "bytes free");

    [Fact]
    public async Task On_a_volume_that_is_full_an_image_without_a_record_serves_all_the_same()
    {
        var disk = Samples.Raw(1 << 20);
        File.WriteAllBytes(Path.Combine(_scratch.Volume, "base"), disk);
        await Programs.RunAsync("sh", "-c", "dd if=/dev/zero of=\"$1/filler\" bs=4k 2>/dev/null; [ \"$(stat -f -c %f \"$1\")\" = 0 ]", "sh", _scratch.Volume);

        (await Quick.EnsureAsync(_scratch.Request(null))).Digest.ShouldBe(Samples.Sha256(disk));

        _scratch.Names.ShouldBe(["base", "filler"]);
    }

    [Fact]
    public async Task On_a_read_only_volume_an_image_serves_and_a_fetch_says_why_it_cannot_be()
    {
        var disk = Samples.Raw(1 << 20);
        File.WriteAllBytes(Path.Combine(_scratch.Volume, "base"), disk);
        File.WriteAllText(Path.Combine(_scratch.Volume, ".base.claim"), "dead");
        await Programs.RunAsync("mount", "-o", "remount,ro", _scratch.Volume);

        (await Quick.EnsureAsync(_scratch.Request(null))).Digest.ShouldBe(Samples.Sha256(disk));
        await Quick.EnsureAsync(Request("/etc/hostname") with { Name = "other" }).ShouldFailAsync(ImageFailure.Unwritable, _scratch.Volume, "Read-only");
    }
}
