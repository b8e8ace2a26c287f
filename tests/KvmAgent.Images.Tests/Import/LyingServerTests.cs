using KvmAgent.Images.Store;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Import;

/// <summary>Servers that do not do what they say, while an image is imported from them.</summary>
public sealed class LyingServerTests : IDisposable
{
    private static readonly StoreTimings Impatient = Quick.Timings with { Stall = TimeSpan.FromMilliseconds(300) };

    private readonly Scratch _scratch = new();
    private readonly byte[] _disk = Samples.Raw(8 << 20);

    private string Target => Path.Combine(_scratch.Volume, "disk.img");

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("a range that begins one byte later")]
    [InlineData("a range that ends one byte earlier")]
    [InlineData("another length of the whole")]
    [InlineData("the whole for a range")]
    [InlineData("a longer body than range")]
    [InlineData("another tag")]
    [InlineData("packed")]
    public async Task What_does_not_fit_the_question_ends_it(string lie)
    {
        await using var server = new FaultServer(heard => heard.From is 0 ? Answer.File(heard, _disk) : Lie(lie, heard));

        var message = await ImportAsync(server.Url()).ShouldFailAsync(lie == "packed" ? ImageFailure.Refused : ImageFailure.Unavailable);

        message.ShouldContain(lie == "packed" ? "the server packs it (gzip)" : "cannot be trusted with ranges");
        _scratch.Names.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("cut")]
    [InlineData("reset")]
    [InlineData("silent")]
    [InlineData("503")]
    public async Task What_never_gets_well_is_given_up(string fault)
    {
        await using var server = new FaultServer(heard => heard.From is 0 ? Answer.File(heard, _disk) : fault switch
        {
            "cut" => Answer.File(heard, _disk) with { CutAfter = 1000 },
            "reset" => Answer.File(heard, _disk) with { CutAfter = 1000, Reset = true },
            "silent" => Answer.File(heard, _disk) with { CutAfter = 1000, Silent = true },
            _ => Answer.Text(503, "later"),
        });

        await ImportAsync(server.Url()).ShouldFailAsync(ImageFailure.Unavailable, "tried 4 times");

        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_slow_drip_is_waited_for()
    {
        await using var server = new FaultServer(heard => heard.From is 0
            ? Answer.File(heard, _disk) : Answer.File(heard, _disk) with { Piece = 512 << 10, Pause = TimeSpan.FromMilliseconds(60) });

        await ImportAsync(server.Url());

        File.ReadAllBytes(Target).AsSpan().SequenceEqual(_disk).ShouldBeTrue();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_body_without_end_stops_at_the_size_that_is_wanted_or_the_volumes(bool isQcow2)
    {
        var beginning = isQcow2 ? Qcow2Sample.Bytes : _disk;
        await using var server = new FaultServer(_ => new Answer(200, beginning) { Chunked = true, Endless = true });

        await using var volume = await SmallVolumeAsync();
        await ImportAsync(server.Url(), size: 24 << 20).ShouldFailAsync(ImageFailure.NoSpace, $"more than the {(isQcow2 ? 32 : 24) << 20} bytes");

        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_empty_body_is_no_image()
    {
        await using var server = new FaultServer(_ => new Answer(200, []));

        await ImportAsync(server.Url()).ShouldFailAsync(ImageFailure.Refused, "is empty");

        _scratch.Names.ShouldBeEmpty();
    }

    private Answer Lie(string lie, Heard heard)
    {
        var honest = Answer.File(heard, _disk);
        var (from, to, length) = (heard.From!.Value, Math.Min(heard.To!.Value, _disk.Length - 1), _disk.Length);
        return lie switch
        {
            "a range that begins one byte later" => Range(from + 1, to + 1, length, "\"v1\""),
            "a range that ends one byte earlier" => Range(from, to - 1, length, "\"v1\"") with { Body = honest.Body[..^1], Length = honest.Body.Length - 1 },
            "another length of the whole" => Range(from, to, length + 1, "\"v1\""),
            "a longer body than range" => Range(from, to, length, "\"v1\"") with { Body = [.. honest.Body, 0], Length = honest.Body.Length + 1 },
            "another tag" => Range(from, to, length, "\"v2\""),
            "packed" => honest with { Headers = [.. honest.Headers, ("Content-Encoding", "gzip")] },
            _ => new Answer(200, _disk, ("ETag", "\"v1\"")),
        };

        Answer Range(long first, long last, long whole, string tag) => honest with { Headers = [("Content-Range", $"bytes {first}-{last}/{whole}"), ("ETag", tag)] };
    }

    private async Task<IAsyncDisposable> SmallVolumeAsync()
    {
        await Programs.RunAsync("mount", "-t", "tmpfs", "-o", "size=32m", "kvm-agent-images", _scratch.Volume);
        return new Mounted(_scratch.Volume);
    }

    private Task<DiskImported> ImportAsync(string source, long? size = null) => DiskImport.RunAsync(
        new DiskImportRequest { Source = source, Target = Target, Size = size, Access = Quick.Loopback with { Connections = 3 } },
        null, TimeProvider.System, Impatient, CancellationToken.None);

    private sealed class Mounted(string path) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await Programs.RunAsync("umount", path);
    }
}
