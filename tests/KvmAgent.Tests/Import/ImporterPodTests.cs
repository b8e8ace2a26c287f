using System.Formats.Tar;
using System.IO.Compression;
using KvmAgent.Tests.Commands;

namespace KvmAgent.Tests.Import;

/// <summary><c>kvm-agent import</c> as CDI's importer pod: what it makes, what it says, how it ends.</summary>
public sealed class ImporterPodTests : IDisposable
{
    private const int MiB = 1 << 20;

    private readonly ImporterPod _pod = new();

    public void Dispose() => _pod.Dispose();

    [Fact]
    public async Task An_image_becomes_disk_img_with_the_size_that_the_claim_has_room_for()
    {
        var disk = ImporterPod.Content(4 * MiB);
        await using var server = new ImageServer(await _pod.Qcow2Async(disk));

        var (code, output, error) = await _pod.ImportAsync(
            server, ("IMPORTER_IMAGE_SIZE", "53Mi"), ("FILESYSTEM_OVERHEAD", "0.06"), ("IMPORTER_ACCESS_KEY_ID", "me"), ("IMPORTER_SECRET_KEY", "pw"));

        (code, error).ShouldBe((0, ""));
        output.ShouldContain("the disk gets 50.0 MiB of the 53.0 MiB that are wanted");
        var made = await File.ReadAllBytesAsync(_pod.Disk);
        made.Length.ShouldBe(50 * MiB);
        made.AsSpan(0, disk.Length).SequenceEqual(disk).ShouldBeTrue();
        made.AsSpan(disk.Length).ContainsAnyExcept((byte)0).ShouldBeFalse();
        File.GetUnixFileMode(_pod.Disk).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite);
        _pod.Names.ShouldBe(["disk.img"]);
        server.Requests[0].ShouldContain("Authorization: Basic bWU6cHc=");
        _pod.Metrics.ShouldBe("""
            # TYPE kubevirt_cdi_import_progress counter
            # HELP kubevirt_cdi_import_progress The import progress in percentage
            kubevirt_cdi_import_progress_total{ownerUID="uid-1"} 100.0
            # EOF

            """);
        var end = _pod.Termination;
        (end.Message, end.ExitCode, end.Format, end.VirtualSize, end.PreallocationApplied, end.ScratchSpaceRequired)
            .ShouldBe(("Import Complete", 0, "qcow2", 50L * MiB, false, false));
    }

    [Fact]
    public async Task A_block_device_is_written_where_there_is_one()
    {
        var disk = ImporterPod.Content(4 * MiB);
        var device = await _pod.DeviceAsync(8 * MiB);
        await using var server = new ImageServer(await _pod.Qcow2Async(disk));

        (await _pod.ImportAsync(server, ("IMPORTER_IMAGE_SIZE", "8Mi"))).Code.ShouldBe(0);
        Read(device, 8 * MiB).ShouldBe([.. disk, .. new byte[4 * MiB]]);

        (await _pod.ImportAsync(null, ("IMPORTER_SOURCE", "none"))).Code.ShouldBe(0);
        Read(device, 8 * MiB).ShouldBe(new byte[8 * MiB]);
    }

    [Fact]
    public async Task A_blank_disk_is_made_and_preallocated()
    {
        var (code, output, _) = await _pod.ImportAsync(null, ("IMPORTER_SOURCE", "none"), ("IMPORTER_IMAGE_SIZE", "4Mi"), ("PREALLOCATION", "true"));

        (code, output).ShouldBe((0, $"{_pod.Disk}: a blank disk of 4Mi\n"));
        new FileInfo(_pod.Disk).Length.ShouldBe(4 * MiB);
        (await ImporterPod.RunAsync("stat", ["-c", "%b", _pod.Disk])).Trim().ShouldBe($"{4 * MiB / 512}");
        _pod.Termination.PreallocationApplied.ShouldBe(true);
    }

    [Fact]
    public async Task An_archive_becomes_a_tree()
    {
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        await using (var tar = new TarWriter(gzip))
        {
            await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, "a/file") { DataStream = new MemoryStream("text"u8.ToArray()) });
        }

        await using var server = new ImageServer(packed.ToArray());

        var (code, output, error) = await _pod.ImportAsync(server, ("IMPORTER_CONTENTTYPE", "archive"));

        (code, error).ShouldBe((0, ""));
        output.ShouldContain("1 file of 4 B and 0 directories from tar in gzip");
        File.ReadAllText(Path.Combine(_pod.Volume, "a/file")).ShouldBe("text");
        _pod.Names.ShouldBe(["a"]);
        _pod.Termination.Format.ShouldBe("tar");
    }

    [Fact]
    public async Task What_goes_wrong_has_its_exit_code_and_its_message()
    {
        var disk = ImporterPod.Content(4 * MiB);
        await using var server = new ImageServer(await _pod.Qcow2Async(disk));

        await FailsAsync(65, "Refused", "digest", server, ("IMPORTER_CHECKSUM", "md5:" + new string('0', 32)));
        await FailsAsync(73, "Unwritable", "more than the 1048576", server, ("IMPORTER_IMAGE_SIZE", "1Mi"));
        await FailsAsync(64, "Settings", "IMPORTER_SOURCE=\"vddk\"", server, ("IMPORTER_SOURCE", "vddk"));
        await FailsAsync(65, "Refused", "127.0.0.1", server, ("IMG_ALLOW_ADDRESS", ""));
        await _pod.MountAsync("size=2m");
        await FailsAsync(73, "Unwritable", "more than the", server);
    }

    [Fact]
    public async Task A_volume_that_is_only_read_is_told()
    {
        await using var server = new ImageServer(await _pod.Qcow2Async(ImporterPod.Content(MiB)));
        await _pod.MountAsync("ro");

        await FailsAsync(73, "Unwritable", "Read-only", server);
    }

    [Fact]
    public async Task A_volume_that_holds_one_disk_is_enough_after_any_earlier_try()
    {
        var disk = ImporterPod.Content(16 * MiB);
        await using var server = new ImageServer(await _pod.Qcow2Async(disk));
        await _pod.MountAsync("size=24m");
        await File.WriteAllBytesAsync(_pod.Disk, ImporterPod.Content(12 * MiB, 2));
        await File.WriteAllBytesAsync(Path.Combine(_pod.Volume, ".disk.img.part"), new byte[5 * MiB]);
        await File.WriteAllBytesAsync(Path.Combine(_pod.Volume, ".disk.img.scratch"), new byte[5 * MiB]);

        // What a person has stays until the new one is complete, and here there is no room for both.
        var (code, _, _) = await ImporterPod.EndAsync(_pod.Start(null, ["--source", server.Url, "--target", _pod.Disk]));
        (code, new FileInfo(_pod.Disk).Length).ShouldBe((73, 12L * MiB));
        _pod.Names.ShouldBe(["disk.img"]);

        for (var time = 0; time < 2; time++)
        {
            await File.WriteAllBytesAsync(Path.Combine(_pod.Volume, ".disk.img.part"), new byte[4 * MiB]);
            (await _pod.ImportAsync(server, ("IMPORTER_IMAGE_SIZE", "24Mi"))).Code.ShouldBe(0);
            (await File.ReadAllBytesAsync(_pod.Disk)).AsSpan(0, disk.Length).SequenceEqual(disk).ShouldBeTrue();
            _pod.Names.ShouldBe(["disk.img"]);
        }
    }

    [Fact]
    public async Task A_link_of_the_disks_name_is_removed_and_not_followed()
    {
        await using var server = new ImageServer(await _pod.Qcow2Async(ImporterPod.Content(MiB)));
        File.CreateSymbolicLink(_pod.Disk, _pod.Root.Write("canary", "alive"));

        (await _pod.ImportAsync(server)).Code.ShouldBe(0);

        File.ResolveLinkTarget(_pod.Disk, false).ShouldBeNull();
        File.ReadAllText(_pod.Root.At("canary")).ShouldBe("alive");
    }

    [Fact]
    public async Task SIGTERM_stops_it_and_leaves_nothing()
    {
        await using var server = new ImageServer(await _pod.Qcow2Async(ImporterPod.Content(16 * MiB)), TimeSpan.FromMilliseconds(50));
        using var process = _pod.Start(server, []);
        (await process.StandardOutput.ReadLineAsync()).ShouldNotBeNull().ShouldContain("Importing");

        await ImporterPod.RunAsync("kill", [$"{process.Id}"]);
        await process.WaitForExitAsync();

        process.ExitCode.ShouldBe(143);
        (await process.StandardError.ReadToEndAsync()).ShouldContain("stopped by a signal");
        (_pod.Termination.Reason, _pod.Termination.ExitCode).ShouldBe(("Stopped", 143));
        _pod.Names.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("http_proxy")]
    [InlineData("HTTP_PROXY")]
    public async Task A_proxy_is_asked(string variable)
    {
        await using var proxy = new ImageServer([1]);

        await _pod.ImportAsync(null, ("IMPORTER_ENDPOINT", "http://image.invalid/disk"), (variable, proxy.Url[..^"/disk.qcow2".Length]));

        proxy.Requests.ShouldContain(request => request.StartsWith("GET http://image.invalid/disk", StringComparison.Ordinal));
    }

    private async Task FailsAsync(int code, string reason, string says, ImageServer server, params (string Name, string Value)[] environment)
    {
        var (actual, _, error) = await _pod.ImportAsync(server, environment);

        error.ShouldContain(says);
        actual.ShouldBe(code);
        (_pod.Termination.Reason, _pod.Termination.ExitCode).ShouldBe((reason, code));
        _pod.Termination.Message.ShouldContain(says);
        _pod.Names.ShouldBeEmpty();
    }

    private static byte[] Read(string device, int count)
    {
        using var file = File.OpenHandle(device);
        var bytes = new byte[count];
        RandomAccess.Read(file, bytes, 0).ShouldBe(count);
        return bytes;
    }
}
