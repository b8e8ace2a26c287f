using KvmAgent.Disks;
using KvmAgent.Settings;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Disks;

public sealed class DiskLayoutTests : IDisposable
{
    private const string Image = "/images/debian.qcow2";

    private readonly TempDirectory _root = new();

    private HostPaths Paths => new(_root.FullPath);

    public void Dispose() => _root.Dispose();

    [Fact]
    public void The_root_disk_is_an_overlay_on_the_base() =>
        Decide(("IMG_SOURCE", Image)).Root.ShouldBe(new RootDisk.Overlay("debian.qcow2"));

    [Fact]
    public void A_base_that_is_there_needs_no_source() =>
        Decide(("IMG_TARGET", "base.qcow2")).Root.ShouldBe(new RootDisk.Overlay("base.qcow2"));

    [Fact]
    public void A_block_device_that_the_pod_brings_goes_before_the_image()
    {
        var device = _root.Write("dev/vm/root", "");

        Decide(("IMG_SOURCE", Image)).Root.ShouldBe(new RootDisk.Device(device));
        Decide().Root.ShouldBe(new RootDisk.Device(device));
    }

    [Fact]
    public void A_cdrom_alone_comes_with_a_blank_disk_where_that_has_a_size()
    {
        Decide(("VM_CDROM", "/a.iso"), ("VM_DISK_SIZE", "20Gi")).Root.ShouldBe(new RootDisk.Blank(20L << 30));
        Decide(("VM_CDROM", "/a.iso")).Root.ShouldBe(new RootDisk.None());
    }

    [Fact]
    public void A_cdrom_with_an_image_changes_nothing_of_the_root_disk() =>
        Decide(("VM_CDROM", "/a.iso"), ("VM_DISK_SIZE", "20Gi"), ("IMG_SOURCE", Image)).Root.ShouldBe(new RootDisk.Overlay("debian.qcow2"));

    [Fact]
    public void Disks_of_the_spec_file_are_enough()
    {
        Decide(("VM_SPEC_FILE", _root.Write("spec.yaml", "disks: [{name: a, source: /a.img}]"))).Root.ShouldBe(new RootDisk.None());
        Decide(("VM_SPEC_FILE", _root.Write("spec.yaml", "disks: [{name: a, source: /a.iso, cdrom: true}]")), ("VM_DISK_SIZE", "1Gi"))
            .Root.ShouldBe(new RootDisk.Blank(1L << 30));
    }

    [Fact]
    public void With_nothing_to_boot_from_all_ways_out_are_told()
    {
        var error = Should.Throw<AgentException>(() => Decide(("VM_DISK_SIZE", "20Gi")));

        error.Reason.ShouldBe(FailureReason.Settings);
        new[] { "IMG_SOURCE is not set", "IMG_TARGET", "/image already", _root.At("dev/vm/root"), "VM_CDROM", "VM_DISK_SIZE" }
            .ShouldAllBe(text => error.Message.Contains(text, StringComparison.Ordinal), error.Message);
    }

    [Fact]
    public void What_the_pod_brings_is_found_in_sorted_order_devices_first()
    {
        foreach (var name in new[] { "volumes/b.img", "volumes/a.img", "volumes/B.img", "volumes/a.qcow2", "dev/vm/diskb", "dev/vm/disk1", "dev/vm/other" })
        {
            _root.Write(name, "");
        }

        Decide(("IMG_SOURCE", Image)).Brought
            .ShouldBe([_root.At("dev/vm/disk1"), _root.At("dev/vm/diskb"), _root.At("volumes/B.img"), _root.At("volumes/a.img"), _root.At("volumes/b.img")]);
    }

    [Fact]
    public void The_guest_sees_root_own_brought_cdrom_and_config_drive_in_this_order_and_boots_so()
    {
        _root.Write("volumes/a.img", "");
        var settings = Given.Settings(
            ("IMG_SOURCE", Image), ("VM_CDROM", "/a.iso"), ("VM_DISK_CACHE", "none"),
            ("VM_SPEC_FILE", _root.Write("spec.yaml", "disks: [{name: data, size: 1Gi}, {name: first, source: /f.img, bootOrder: 1}]")));
        var files = new DiskFiles(
            "/vm/web.qcow2", new DiskBase("/image/debian.qcow2", "qcow2"), "/a.iso",
            new Dictionary<string, string> { ["data"] = "/vm/web-data.qcow2" }, new Dictionary<string, string> { ["cfg"] = "/run/files-cfg.iso" }, "/run/config.iso");

        var disks = DiskPlan.Create(settings, DiskLayout.Decide(settings, Paths), files);

        disks.Select(d => (d.Id, d.Path, d.Format, d.Bus, d.BootIndex)).ShouldBe([
            ("root", "/vm/web.qcow2", "qcow2", DiskBus.Virtio, 1001),
            ("disk-data", "/vm/web-data.qcow2", "qcow2", DiskBus.Virtio, 1002),
            ("disk-first", "/f.img", "raw", DiskBus.Virtio, 1),
            ("volume-0", _root.At("volumes/a.img"), "raw", DiskBus.Virtio, null),
            ("cdrom", "/a.iso", "raw", DiskBus.Sata, 1003),
            ("config-drive", "/run/config.iso", "raw", DiskBus.Virtio, null),
        ]);
        disks.Where(d => d.ReadOnly).Select(d => d.Id).ShouldBe(["cdrom", "config-drive"]);
        disks.Where(d => d.Cache != DiskCache.None).Select(d => d.Id).ShouldBe(["config-drive"]);
    }

    private DiskLayout Decide(params (string Name, string Value)[] environment) => DiskLayout.Decide(Given.Settings(environment), Paths);
}
