using KvmAgent.Disks;
using KvmAgent.Settings;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Disks;

public sealed class FilesDiskTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Everybody_in_the_guest_may_read_its_files()
    {
        _directory.Write("app.conf", "a = 1");

        var tree = FilesDisk.ReadTree(new FilesSettings(_directory.FullPath, "cfgdata"));

        tree.Label.ShouldBe("cfgdata");
        tree.Files.Select(f => (f.Path, f.ForAll)).ShouldBe([("app.conf", true)]);
    }

    [Fact]
    public void A_key_that_is_longer_than_a_name_on_the_medium_is_refused()
    {
        var key = _directory.Write(new string('k', 104), "");

        Should.Throw<AgentException>(() => FilesDisk.ReadTree(new FilesSettings(_directory.FullPath, "cfgdata"))).Message
            .ShouldBe($"{key}: the name is longer than the 103 bytes that a disk made of files has room for; shorten the key");
    }

    [Fact]
    public void It_is_read_only_raw_and_never_booted_from_unless_that_is_said()
    {
        var spec = _directory.Write(
            "spec.yaml", "disks: [{name: data, size: 1Gi}, {name: cfg, files: /files/cfg, bus: scsi, cdrom: true, cache: none, io: native}, {name: b, files: /b, bootOrder: 1}]");
        var settings = Given.Settings(("VM_SPEC_FILE", spec));
        var files = new DiskFiles(
            null, null, null, new Dictionary<string, string> { ["data"] = "/vm/web-data.qcow2" },
            new Dictionary<string, string> { ["cfg"] = FilesDisk.PathIn("/run/a", "cfg"), ["b"] = FilesDisk.PathIn("/run/a", "b") }, null);

        var disks = DiskPlan.Create(settings, new DiskLayout(new RootDisk.None(), []), files);

        disks.ShouldBe([
            new("disk-data", "/vm/web-data.qcow2", false, "qcow2", null, DiskBus.Virtio, false, false, null, 1001, DiskCache.Writeback, DiskIo.Threads),
            new("disk-cfg", "/run/a/files-cfg.iso", false, "raw", null, DiskBus.Scsi, true, true, null, null, DiskCache.Writeback, DiskIo.Threads),
            new("disk-b", "/run/a/files-b.iso", false, "raw", null, DiskBus.Virtio, false, true, null, 1, DiskCache.Writeback, DiskIo.Threads),
        ]);
    }

    [Fact]
    public void It_is_nothing_to_boot_from()
    {
        var settings = Given.Settings(("VM_SPEC_FILE", _directory.Write("spec.yaml", "disks: [{name: cfg, files: /files, cdrom: true}]")));

        Should.Throw<AgentException>(() => DiskLayout.Decide(settings, new HostPaths(_directory.FullPath))).Message.ShouldContain("there is no disk to boot from");
    }
}
