using System.IO.Compression;
using KvmAgent.Contracts;
using KvmAgent.Tests.Commands;

namespace KvmAgent.Tests.Import;

/// <summary><c>kvm-agent inspect</c> as an importer pod that fills nothing: what it tells of the source.</summary>
public sealed class InspectorPodTests : IDisposable
{
    private const int MiB = 1 << 20;

    private readonly ImporterPod _pod = new();

    public void Dispose() => _pod.Dispose();

    [Fact]
    public async Task The_size_and_the_revision_of_a_source_are_told_and_nothing_is_written()
    {
        await using var server = new ImageServer(await _pod.Qcow2Async(ImporterPod.Content(4 * MiB)));

        var (code, output, error) = await _pod.InspectAsync(server, ("IMPORTER_ACCESS_KEY_ID", "me"), ("IMPORTER_SECRET_KEY", "pw"));

        (code, error).ShouldBe((0, ""));
        output.ShouldStartWith("a disk of 4194304 bytes, revision ");
        var end = _pod.Termination;
        (end.Message, end.Reason, end.Format, end.VirtualSize).ShouldBe((ImportResult.Inspected, "Complete", "qcow2", 4L * MiB));
        server.Requests[0].ShouldContain("Authorization: Basic bWU6cHc=");
        _pod.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task Of_a_size_that_cannot_be_known_the_remedy_is_told()
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(ImporterPod.Content(4 * MiB));
        }

        await using var server = new ImageServer(packed.ToArray());

        (await _pod.InspectAsync(server)).Code.ShouldBe(0);
        (_pod.Termination.VirtualSize, _pod.Termination.ExitCode).ShouldBe((null, 0));
        _pod.Termination.Message.ShouldBe("the size of the disk is not known: it is a raw in gzip, which has to be read whole to know it; give the size");
    }

    [Fact]
    public async Task What_is_refused_or_wrongly_asked_is_told_as_of_an_import()
    {
        await using var server = new ImageServer("<html>no</html>"u8.ToArray());

        (await _pod.InspectAsync(server)).Code.ShouldBe(65);
        (_pod.Termination.Reason, _pod.Termination.ExitCode).ShouldBe(("Refused", 65));
        (await _pod.InspectAsync(null, ("IMPORTER_SOURCE", "none"), ("IMPORTER_IMAGE_SIZE", "1Gi"))).Code.ShouldBe(64);
        _pod.Termination.Message.ShouldContain("is a blank disk");
        (await _pod.InspectAsync(server, ("IMPORTER_CONTENTTYPE", "archive"))).Code.ShouldBe(64);
        var (code, _, error) = await _pod.InspectAsync(null);
        (code, error).ShouldBe((64, "kvm-agent: the image is missing, and no IMPORTER_SOURCE or IMPORTER_ENDPOINT says what to look at; give a file or a URL\n"));
    }
}
