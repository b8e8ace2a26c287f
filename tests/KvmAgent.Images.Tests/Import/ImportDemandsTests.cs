using System.Globalization;
using System.Security.Cryptography;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Import;

/// <summary>What may be demanded of an import: a checksum, a size, all of the room at once. And servers that have no ranges.</summary>
public sealed class ImportDemandsTests : IDisposable
{
    private readonly Scratch _scratch = new();
    private readonly byte[] _disk = Samples.Raw(6 << 20);

    public ImportDemandsTests() => _disk.AsSpan(1 << 20, 2 << 20).Clear();

    private string Target => Path.Combine(_scratch.Volume, "disk.img");

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("md5", "raw", false)]
    [InlineData("sha1", "qcow2", false)]
    [InlineData("sha256", "raw", true)]
    [InlineData("sha512", "qcow2", true)]
    [InlineData("sha256", "gzip", true)]
    public async Task The_checksum_is_that_of_the_bytes_that_come(string algorithm, string format, bool remote)
    {
        var image = await ImageAsync(format);
        await using var server = new FaultServer(heard => Answer.File(heard, image));
        var source = remote ? server.Url() : _scratch.File("image", image);
        var right = Checksum.Parse($"{algorithm}:{Convert.ToHexString(Hash(algorithm, image))}");
        var wrong = Checksum.Parse($"{algorithm}:{new string('0', right.Hex.Length)}");

        await ImportAsync(source, r => r with { Checksum = wrong }).ShouldFailAsync(ImageFailure.Refused, $"its digest is {right}", $"{wrong} is wanted");
        _scratch.Names.ShouldBeEmpty();
        var done = await ImportAsync(source, r => r with { Checksum = right });

        Same();
        done.Scratch.ShouldBe(remote && format == "qcow2" ? image.Length : 0);
    }

    [Theory]
    [InlineData("raw")]
    [InlineData("qcow2")]
    [InlineData("gzip")]
    public async Task A_server_without_ranges_is_read_once_through(string format)
    {
        var image = await ImageAsync(format);
        await using var server = new FaultServer(_ => new Answer(200, image, ("ETag", "\"v1\"")));

        var done = await ImportAsync(server.Url());

        Same();
        done.Scratch.ShouldBe(format == "qcow2" ? image.Length : 0);
    }

    [Fact]
    public async Task A_server_without_ranges_is_asked_anew_where_it_breaks_and_what_was_read_is_skipped()
    {
        var image = await ImageAsync("raw");
        await using var server = new FaultServer(heard => new Answer(200, image, ("ETag", "\"v1\"")) { CutAfter = heard.Number < 4 ? 1_500_000 * heard.Number : null });

        await ImportAsync(server.Url());

        Same();
        server.Heard.Count.ShouldBe(4);
    }

    [Theory]
    [InlineData("\"v1\"", "\"v2\"", "it changed")]
    [InlineData(null, null, "can neither resume nor tell")]
    public async Task It_is_given_up_where_it_may_be_another_image(string? before, string? after, string words)
    {
        var image = await ImageAsync("raw");
        await using var server = new FaultServer(heard => new Answer(200, image, Tag(heard.Number < 3 ? before : after)) { CutAfter = heard.Number < 3 ? 2_000_000 : null });

        await ImportAsync(server.Url()).ShouldFailAsync(ImageFailure.Unavailable, words);

        _scratch.Names.ShouldBeEmpty();

        static (string, string)[] Tag(string? tag) => tag is null ? [] : [("ETag", tag)];
    }

    [Fact]
    public async Task A_body_that_ends_before_its_announced_length_is_not_believed()
    {
        var image = await ImageAsync("raw");
        await using var server = new FaultServer(_ => new Answer(200, image, ("ETag", "\"v1\"")) { Length = image.Length + 200 });

        await ImportAsync(server.Url()).ShouldFailAsync(ImageFailure.Unavailable);

        _scratch.Names.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("raw")]
    [InlineData("qcow2")]
    [InlineData("gzip")]
    public async Task Preallocated_it_has_all_its_room(string format)
    {
        await ImportAsync(_scratch.File("image", await ImageAsync(format)), r => r with { Preallocate = true, Size = 8 << 20 });

        Same(8 << 20);
        // In sectors; a file system may need a block of its own for the list of extents.
        long.Parse(await Programs.RunAsync("stat", "--format=%b", Target), CultureInfo.InvariantCulture).ShouldBeInRange(16384, 16384 + 64);
    }

    [Fact]
    public async Task It_is_told_how_far_it_is()
    {
        var image = await ImageAsync("qcow2");
        var reports = new Reports();

        await DiskImport.RunAsync(new DiskImportRequest { Source = _scratch.File("image", image), Target = Target }, reports, CancellationToken.None);

        reports.All.Select(r => r.Phase).Distinct().ShouldBe([FetchPhase.Importing, FetchPhase.Storing]);
        reports.All[^1].Bytes.ShouldBeInRange(4 << 20, (4 << 20) + (128 << 10));
        reports.All.ShouldAllBe(r => r.Bytes <= r.Total);
    }

    private async Task<byte[]> ImageAsync(string format)
    {
        var raw = _scratch.File("disk.raw", _disk);
        var path = $"{raw}.{format}";
        switch (format)
        {
            case "raw":
                return _disk;
            case "gzip":
                await Programs.RunAsync("sh", "-c", $"gzip -1 -c <{raw} >{path}");
                break;
            default:
                await Programs.RunAsync("qemu-img", "convert", "-f", "raw", "-O", format, raw, path);
                break;
        }
        return await File.ReadAllBytesAsync(path);
    }

    private static byte[] Hash(string algorithm, byte[] bytes)
    {
        using var hash = IncrementalHash.CreateHash(new HashAlgorithmName(algorithm.ToUpperInvariant()));
        hash.AppendData(bytes);
        return hash.GetHashAndReset();
    }

    private Task<DiskImported> ImportAsync(string source, Func<DiskImportRequest, DiskImportRequest>? change = null)
    {
        var request = new DiskImportRequest { Source = source, Target = Target, Access = Quick.Loopback with { Connections = 4 } };
        return DiskImport.RunAsync(change?.Invoke(request) ?? request, null, TimeProvider.System, Quick.Timings, CancellationToken.None);
    }

    private void Same(int? size = null)
    {
        var written = File.ReadAllBytes(Target);
        written.Length.ShouldBe(size ?? _disk.Length);
        written.AsSpan(0, _disk.Length).SequenceEqual(_disk).ShouldBeTrue();
        written.AsSpan(_disk.Length).ContainsAnyExcept((byte)0).ShouldBeFalse();
        _scratch.Names.ShouldBe(["disk.img"]);
    }
}
