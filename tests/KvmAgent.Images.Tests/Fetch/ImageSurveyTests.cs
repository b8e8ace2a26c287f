using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Fetch;

/// <summary>Which version of an image is there and how large its disk is, told without fetching it.</summary>
public sealed class ImageSurveyTests
{
    private const int Disk = 3 << 20;

    private static readonly byte[] Raw = Samples.Raw(Disk);

    /// <summary>Large enough to show how much of it was asked for.</summary>
    private static readonly byte[] Large = Samples.Raw(24 << 20);

    [Theory]
    [InlineData("raw", Disk)]
    [InlineData("raw in tar", Disk)]
    [InlineData("qcow2 in gzip", 2 << 20)]
    [InlineData("qcow2 in tar in gzip", 2 << 20)]
    public async Task What_a_server_has_is_told_by_its_tag_and_its_beginning(string what, long size)
    {
        var image = what switch
        {
            "raw" => Raw,
            "raw in tar" => ContainerLayer.Tar(("disk.img", Raw)),
            "qcow2 in gzip" => ContainerLayer.Packed(Qcow2Sample.Bytes),
            _ => ContainerLayer.Packed(ContainerLayer.Tar(("disk.qcow2", Qcow2Sample.Bytes))),
        };
        await using var server = new FaultServer(heard => Answer.File(heard, image));

        var survey = await SurveyAsync(server.Url());

        (survey.Revision, survey.VirtualSize, survey.Unknown).ShouldBe(("\"v1\"", size, null));
        survey.Format.ShouldBe(what.StartsWith("raw", StringComparison.Ordinal) ? ImageFormat.Raw : ImageFormat.Qcow2);
    }

    [Fact]
    public async Task Without_ranges_the_announced_length_is_enough_for_a_raw_disk_and_its_date_for_a_revision()
    {
        await using var server = new FaultServer(_ => new Answer(200, Raw, ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")));

        var survey = await SurveyAsync(server.Url());

        survey.ShouldBe(new ImageSurvey("Thu, 01 Jan 2026 00:00:00 GMT", ImageFormat.Raw, Disk, null));
    }

    [Fact]
    public async Task A_size_that_shows_only_in_all_of_it_is_not_told_and_all_of_it_is_not_read()
    {
        var image = ContainerLayer.Packed(Large);
        long sent = 0;
        await using var server = new FaultServer(heard =>
        {
            var answer = Answer.File(heard, image);
            Interlocked.Add(ref sent, answer.Body.Length);
            return answer;
        });

        var survey = await SurveyAsync(server.Url());

        (survey.Revision, survey.Format, survey.VirtualSize).ShouldBe(("\"v1\"", ImageFormat.Raw, null));
        survey.Unknown!.ShouldContain("a raw in gzip, which has to be read whole");
        sent.ShouldBeLessThan(image.Length);
    }

    [Theory]
    [InlineData(false, Disk)]
    [InlineData(true, 2 << 20)]
    public async Task A_container_disk_is_told_by_its_manifests_digest_and_its_header_in_the_layer(bool isQcow2, long size)
    {
        await using var registry = new RegistryDouble();
        var digest = registry.Push((ContainerLayer.Packed(ContainerLayer.Tar(("disk/disk.img", isQcow2 ? Qcow2Sample.Bytes : Raw))), ContainerLayer.Gzip));

        var survey = await SurveyAsync(registry.Url($"@{digest}"));

        survey.ShouldBe(new ImageSurvey(digest, isQcow2 ? ImageFormat.Qcow2 : ImageFormat.Raw, size, null));
    }

    [Fact]
    public async Task Of_an_index_the_tags_own_digest_is_told()
    {
        await using var registry = new RegistryDouble();
        var manifest = registry.Push((ContainerLayer.Tar(("disk/disk.img", Raw)), ContainerLayer.Plain));
        var length = System.Text.Encoding.UTF8.GetByteCount(registry.ManifestOf((ContainerLayer.Tar(("disk/disk.img", Raw)), ContainerLayer.Plain)));
        var index = $$"""{"schemaVersion":2,"mediaType":"{{RegistryDouble.Index}}","manifests":[{"mediaType":"{{RegistryDouble.Manifest}}","digest":"{{manifest}}","size":{{length}}}]}""";
        registry.AddTag(index, RegistryDouble.Index);

        (await SurveyAsync(registry.Url())).Revision.ShouldBe(Samples.Sha256(System.Text.Encoding.UTF8.GetBytes(index)));
    }

    [Fact]
    public async Task A_disk_far_behind_in_its_layers_is_not_looked_for_to_the_end()
    {
        await using var registry = new RegistryDouble();
        var beside = new byte[ImageSurvey.MostRead];
        registry.Push((ContainerLayer.Tar(("beside", beside), ("disk/disk.img", Raw)), ContainerLayer.Plain));

        var survey = await SurveyAsync(registry.Url());

        (survey.Revision is null, survey.VirtualSize).ShouldBe((false, null));
        survey.Unknown!.ShouldContain($"not within the first {ImageSurvey.MostRead} bytes");
    }

    [Fact]
    public async Task What_is_hostile_is_refused_in_a_layer_too()
    {
        await using var registry = new RegistryDouble();
        registry.Push((ContainerLayer.Tar(("disk/disk.img", Qcow2Sample.WithFeature(2))), ContainerLayer.Plain));

        await SurveyAsync(registry.Url()).ShouldFailAsync(ImageFailure.Refused, "keeps its data in another file");
    }

    private static Task<ImageSurvey> SurveyAsync(string source) =>
        new RemoteImage { Source = source, Access = Quick.Loopback }.SurveyAsync(TimeProvider.System, Quick.Timings, CancellationToken.None);
}
