using System.Text.Json;
using KvmAgent.Disks;
using KvmAgent.Images;
using KvmAgent.Processes;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Disks;

/// <summary>The VM's own disk, made and looked at by the real qemu-img.</summary>
public sealed class VmDiskTests : IAsyncLifetime, IDisposable
{
    private const long MiB = 1 << 20;
    private const string Digest = "sha256:aaaa", OtherDigest = "sha256:bbbb";

    private readonly TempDirectory _directory = new();

    private BaseImage Base => new(_directory.At("image", "base.qcow2"), Digest, ImageFormat.Qcow2, 8 * MiB, Fetched: false);

    private VmDisk Disk => new(_directory.At("vm"), "web");

    private string[] Files => [.. Directory.EnumerateFiles(_directory.At("vm")).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(_directory.At("image"));
        Directory.CreateDirectory(_directory.At("vm"));
        await QemuImgAsync("create", "-q", "-f", "qcow2", Base.Path, "8M");
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task It_is_made_once_on_its_base_and_used_again()
    {
        (await PrepareAsync(Base)).ShouldBeTrue();
        var info = await InfoAsync();
        info.GetProperty("backing-filename").GetString().ShouldBe(Base.Path);
        info.GetProperty("backing-filename-format").GetString().ShouldBe("qcow2");
        info.GetProperty("virtual-size").GetInt64().ShouldBe(8 * MiB);
        Files.ShouldBe(["web.json", "web.qcow2"]);
        var made = File.ReadAllBytes(Disk.FilePath);

        (await PrepareAsync(Base)).ShouldBeFalse();
        File.ReadAllBytes(Disk.FilePath).ShouldBe(made);
    }

    [Fact]
    public async Task A_raw_base_is_named_as_raw()
    {
        var raw = _directory.Write("image/base.raw", new string('\0', (int)MiB));

        await PrepareAsync(new BaseImage(raw, Digest, ImageFormat.Raw, MiB, Fetched: false));

        (await InfoAsync()).GetProperty("backing-filename-format").GetString().ShouldBe("raw");
    }

    [Fact]
    public async Task It_may_be_larger_than_its_base_and_grows_later()
    {
        await PrepareAsync(Base, 16 * MiB);
        (await InfoAsync()).GetProperty("virtual-size").GetInt64().ShouldBe(16 * MiB);

        await PrepareAsync(Base, 32 * MiB);
        (await InfoAsync()).GetProperty("virtual-size").GetInt64().ShouldBe(32 * MiB);

        (await PrepareAsync(Base)).ShouldBeFalse();
        (await InfoAsync()).GetProperty("virtual-size").GetInt64().ShouldBe(32 * MiB);
    }

    [Fact]
    public async Task It_is_never_made_smaller()
    {
        await FailsAsync(Base, 4 * MiB, FailureReason.Settings, "VM_DISK_SIZE=\"4Mi\"", Base.Path, "has 8Mi already", "give at least that");
        Files.ShouldBeEmpty();

        await PrepareAsync(Base, 16 * MiB);
        await FailsAsync(Base, 12 * MiB, FailureReason.Settings, "VM_DISK_SIZE=\"12Mi\"", Disk.FilePath, "has 16Mi already");
        (await InfoAsync()).GetProperty("virtual-size").GetInt64().ShouldBe(16 * MiB);
    }

    [Fact]
    public async Task Another_base_under_it_is_refused_and_both_are_named()
    {
        await PrepareAsync(Base);

        await FailsAsync(
            Base with { Digest = OtherDigest }, null, FailureReason.Refused,
            Disk.FilePath, $"made on base.qcow2 ({Digest})", $"now base.qcow2 ({OtherDigest})", "set IMG_TARGET to the base it was made on, or move the disk away");
        await FailsAsync(null, 8 * MiB, FailureReason.Refused, $"made on base.qcow2 ({Digest})", "the base is now no base");
        (await PrepareAsync(Base)).ShouldBeFalse();
    }

    [Fact]
    public async Task A_blank_disk_has_no_base_and_gets_none_later()
    {
        (await PrepareAsync(null, 8 * MiB)).ShouldBeTrue();
        (await InfoAsync()).TryGetProperty("backing-filename", out _).ShouldBeFalse();

        (await PrepareAsync(null, 8 * MiB)).ShouldBeFalse();
        await FailsAsync(Base, null, FailureReason.Refused, "made on no base", $"now base.qcow2 ({Digest})");
    }

    [Fact]
    public async Task One_from_before_there_were_records_is_adopted_by_its_bases_name()
    {
        await QemuImgAsync("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", Base.Path, Disk.FilePath);

        await FailsAsync(
            Base with { Path = _directory.At("image", "other.qcow2") }, null, FailureReason.Refused, "made on base.qcow2 (digest unknown)", "now other.qcow2");
        Files.ShouldBe(["web.qcow2"]);

        (await PrepareAsync(Base)).ShouldBeFalse();
        await FailsAsync(Base with { Digest = OtherDigest }, null, FailureReason.Refused, Digest, OtherDigest);
    }

    [Theory]
    [InlineData(0, 0, "is damaged")] // the magic
    [InlineData(79, 2, "is marked corrupt; try `qemu-img check -r all")] // incompatible feature bit 1
    [InlineData(79, 4, "names a data file")] // bit 2
    public async Task One_that_is_broken_is_refused(int offset, byte value, string says)
    {
        await PrepareAsync(Base);
        using (var file = File.OpenHandle(Disk.FilePath, FileMode.Open, FileAccess.Write))
        {
            RandomAccess.Write(file, [value], offset);
        }

        await FailsAsync(Base, null, FailureReason.Refused, Disk.FilePath, says);
    }

    [Theory]
    [InlineData("")]
    [InlineData("no qcow2")]
    public async Task One_that_is_no_qcow2_is_refused(string text)
    {
        _directory.Write("vm/web.qcow2", text);

        await FailsAsync(Base, null, FailureReason.Refused, Disk.FilePath, "restore it, or move it away to start from a fresh one");
        File.ReadAllText(Disk.FilePath).ShouldBe(text);
    }

    [Fact]
    public async Task A_damaged_record_is_refused()
    {
        await PrepareAsync(Base);
        var record = _directory.Write("vm/web.json", "{");

        await FailsAsync(Base, null, FailureReason.Refused, $"{record} is damaged", "remove it to use the disk beside it as it is");
        File.Delete(record);
        (await PrepareAsync(Base)).ShouldBeFalse();
    }

    [Fact]
    public async Task What_a_crash_left_is_in_nobodys_way()
    {
        _directory.Write("vm/.web.qcow2.tmp", new string('x', 300_000));
        _directory.Write("vm/.web.json.tmp", "{");
        new OverlayRecord("other.qcow2", OtherDigest).Write(_directory.At("vm", "web.json"));

        (await PrepareAsync(Base)).ShouldBeTrue();

        Files.ShouldBe(["web.json", "web.qcow2"]);
        await QemuImgAsync("check", "-q", Disk.FilePath);
        (await PrepareAsync(Base)).ShouldBeFalse();
    }

    [Fact]
    public async Task Where_it_cannot_be_made_that_is_told_and_nothing_is_left()
    {
        Directory.CreateDirectory(_directory.At("vm", "web.json"));

        await FailsAsync(Base, null, FailureReason.Unwritable, Disk.FilePath, "free space on", "or mount a writable volume there");
        Files.ShouldBeEmpty();
        Directory.Delete(_directory.At("vm", "web.json"));
        (await PrepareAsync(Base)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_stop_leaves_nothing_half_made()
    {
        await Should.ThrowAsync<OperationCanceledException>(() => Disk.PrepareAsync(Base, null, new CancellationToken(canceled: true)));

        Files.ShouldBeEmpty();
    }

    private Task<bool> PrepareAsync(BaseImage? image, long? size = null) => Disk.PrepareAsync(image, size, CancellationToken.None);

    private async Task FailsAsync(BaseImage? image, long? size, FailureReason reason, params string[] says)
    {
        var error = await Should.ThrowAsync<AgentException>(() => PrepareAsync(image, size));
        error.Reason.ShouldBe(reason, error.Message);
        says.ShouldAllBe(text => error.Message.Contains(text, StringComparison.Ordinal), error.Message);
    }

    private async Task<JsonElement> InfoAsync() =>
        JsonDocument.Parse(await QemuImgAsync("info", "--output=json", Disk.FilePath)).RootElement;

    private static Task<string> QemuImgAsync(params string[] arguments) => ProcessRunner.RunAsync("qemu-img", arguments);
}
