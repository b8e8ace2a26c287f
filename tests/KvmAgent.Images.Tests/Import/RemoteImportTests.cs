using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Import;

/// <summary>Images on servers: read in ranges, several at once, and unpacked straight into the target.</summary>
public sealed class RemoteImportTests : IDisposable
{
    private readonly Scratch _scratch = new();
    private readonly byte[] _disk = Samples.Raw(24 << 20);

    public RemoteImportTests() => _disk.AsSpan(4 << 20, 6 << 20).Clear();

    private string Target => Path.Combine(_scratch.Volume, "disk.img");

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Of_a_qcow2_only_what_is_allocated_is_fetched_by_several_connections_at_once()
    {
        var image = await Qcow2Async();
        var (now, most, sent) = (0, 0, 0L);
        await using var server = new FaultServer(heard =>
        {
            var answer = Answer.File(heard, image);
            most = Math.Max(most, Interlocked.Increment(ref now));
            Interlocked.Add(ref sent, answer.Body.Length);
            return answer with { Pause = TimeSpan.FromMilliseconds(1), Ended = () => Interlocked.Decrement(ref now) };
        });

        var done = await ImportAsync(server);

        Same();
        most.ShouldBeGreaterThanOrEqualTo(3);
        sent.ShouldBeLessThan(image.Length + (512 << 10));
        done.Scratch.ShouldBe(0);
        _scratch.Names.ShouldBe(["disk.img"]);
        server.Heard.Skip(1).ShouldAllBe(h => h.Headers["If-Range"] == "\"v1\"");
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData(null)]
    public async Task A_raw_disk_comes_packed_or_not(string? program)
    {
        var path = _scratch.File("disk.raw", _disk);
        if (program is not null)
            await Programs.RunAsync("sh", "-c", $"{program} -c <{path} >{path}.packed");
        var content = await File.ReadAllBytesAsync(program is null ? path : $"{path}.packed");
        await using var server = new FaultServer(heard => Answer.File(heard, content));

        var done = await ImportAsync(server);

        Same();
        done.Layers.ShouldBe(program is null ? [] : [program]);
    }

    [Fact]
    public async Task Connections_that_break_are_made_anew()
    {
        var image = await Qcow2Async();
        await using var server = new FaultServer(heard =>
            heard.Number % 3 == 2 ? Answer.File(heard, image) with { CutAfter = 70_000, Reset = heard.Number % 2 == 0 } : Answer.File(heard, image));

        await ImportAsync(server);

        Same();
    }

    [Fact]
    public async Task An_image_that_changes_midway_is_given_up_and_leaves_nothing()
    {
        var image = await Qcow2Async();
        await using var server = new FaultServer(heard => Answer.File(heard, image, heard.Number < 4 ? "\"v1\"" : "\"v2\""));

        await ImportAsync(server).ShouldFailAsync(ImageFailure.Unavailable, "has just changed");

        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_hostile_image_is_refused_before_anything_is_written()
    {
        var image = await Qcow2Async();
        image[79] |= 4; // its data in another file
        await using var server = new FaultServer(heard => Answer.File(heard, image));

        await ImportAsync(server).ShouldFailAsync(ImageFailure.Refused, "keeps its data in another file");

        _scratch.Names.ShouldBeEmpty();
    }

    private Task<DiskImported> ImportAsync(FaultServer server) => DiskImport.RunAsync(
        new DiskImportRequest { Source = server.Url(), Target = Target, Access = Quick.Loopback with { Connections = 4 } }, null,
        TimeProvider.System, Quick.Timings, CancellationToken.None);

    private async Task<byte[]> Qcow2Async()
    {
        var path = Path.Combine(_scratch.Root, "disk.qcow2");
        await Programs.RunAsync("qemu-img", "convert", "-f", "raw", "-O", "qcow2", _scratch.File("disk.raw", _disk), path);
        return await File.ReadAllBytesAsync(path);
    }

    private void Same() => File.ReadAllBytes(Target).AsSpan().SequenceEqual(_disk).ShouldBeTrue();
}
