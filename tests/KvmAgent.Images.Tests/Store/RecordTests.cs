using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Store;

public sealed class RecordTests : IDisposable
{
    private static readonly byte[] Disk = Samples.Raw(700_001);

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    private string Image => Path.Combine(_scratch.Volume, "base");

    private string Record => Path.Combine(_scratch.Volume, "base.json");

    [Fact]
    public async Task A_second_start_uses_what_is_there_and_asks_nobody()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk));
        await Quick.EnsureAsync(_scratch.Request(server.Url()));
        var reports = new Reports();

        var again = await Quick.EnsureAsync(_scratch.Request(server.Url()), reports);

        again.ShouldBe(new BaseImage(Image, Samples.Sha256(Disk), ImageFormat.Raw, Disk.Length, Fetched: false));
        server.Heard.Count.ShouldBe(1);
        reports.All.ShouldBeEmpty("with its record there, the image is not read again");
    }

    [Fact]
    public async Task An_image_put_there_by_hand_is_used_and_gets_a_record()
    {
        File.WriteAllBytes(Image, Disk);
        var reports = new Reports();

        (await Quick.EnsureAsync(_scratch.Request(null), reports)).Digest.ShouldBe(Samples.Sha256(Disk));
        reports.All.ShouldContain(r => r.Phase == FetchPhase.Hashing);

        var silent = new Reports();
        (await Quick.EnsureAsync(_scratch.Request(null), silent)).Digest.ShouldBe(Samples.Sha256(Disk));
        silent.All.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[1, 2]")]
    [InlineData("{\"digest\": 7}")]
    [InlineData("{\"digest\": \"md5:00\", \"size\": 700001, \"modified\": \"2020-01-01T00:00:00Z\", \"format\": \"raw\"}")]
    public async Task A_record_that_makes_no_sense_is_made_anew(string content)
    {
        File.WriteAllBytes(Image, Disk);
        File.SetLastWriteTimeUtc(Image, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        File.WriteAllText(Record, content);

        (await Quick.EnsureAsync(_scratch.Request(null))).Digest.ShouldBe(Samples.Sha256(Disk));

        File.ReadAllText(Record).ShouldContain(Samples.Sha256(Disk));
    }

    [Fact]
    public async Task A_record_of_another_file_is_not_believed()
    {
        await Quick.EnsureAsync(_scratch.Request(_scratch.File("source", Disk)));
        var other = Samples.Raw(Disk.Length, seed: 2);
        File.Delete(Image);
        File.WriteAllBytes(Image, other);

        (await Quick.EnsureAsync(_scratch.Request(null))).Digest.ShouldBe(Samples.Sha256(other));
    }
}
