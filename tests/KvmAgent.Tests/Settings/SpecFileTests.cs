using KvmAgent.Settings;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Settings;

public sealed class SpecFileTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void It_says_what_variables_say_and_more()
    {
        var settings = Read("""
            name: db
            image: {source: /images/debian.qcow2}
            cpu: {sockets: 2, cores: 3, threads: 2, model: "max,+vmx"}
            memory: {size: 2Gi, hugepages: 2Mi}
            firmware: {type: uefi, uuid: 6f1d7d4c-0c0b-4b0e-8a53-9f3fbb4ac7d1}
            nic: {model: virtio, queues: 4}
            vnc: {disabled: true}
            console: {log: false}
            lifecycle: {gracePeriod: 2m, onPoweroff: hold, startPaused: true}
            """);

        settings.Name.ShouldBe("db");
        settings.Image.Target.ShouldBe("debian.qcow2");
        settings.Machine.Cpu.ShouldBe(new CpuTopology(2, 3, 2));
        settings.Machine.CpuModel.ShouldBe("max,+vmx");
        settings.Machine.MemoryBytes.ShouldBe(2L << 30);
        settings.Machine.HugepageBytes.ShouldBe(2L << 20);
        settings.Machine.Firmware.ShouldBe(Firmware.Uefi);
        settings.Machine.Uuid.ShouldBe(Guid.Parse("6f1d7d4c-0c0b-4b0e-8a53-9f3fbb4ac7d1"));
        settings.Machine.ConsoleLog.ShouldBeFalse();
        settings.Network.Queues.ShouldBe(4);
        settings.Network.Vnc.ShouldBeFalse();
        settings.Lifecycle.ShouldBe(new LifecycleSettings(TimeSpan.FromMinutes(2), PoweroffAction.Hold, true));
    }

    [Fact]
    public void Where_both_speak_the_variable_wins()
    {
        var settings = Read("memory: {size: 2Gi}\ncpu: {sockets: 2, cores: 2}\nname: db\n", ("VM_MEMORY", "3Gi"), ("VM_CPUS", "5"));

        settings.Machine.MemoryBytes.ShouldBe(3L << 30);
        settings.Machine.Cpu.ShouldBe(new CpuTopology(5, 1, 1));
        settings.Name.ShouldBe("db");
    }

    [Fact]
    public void Each_disk_has_its_own_settings_and_the_rest_from_the_root_disk()
    {
        var disks = Read(
            """
            disks:
            - {name: data, size: 10Gi, serial: DATA-1, bootOrder: 2, cache: none, io: native}
            - {name: tools, source: /volumes/tools.iso, cdrom: true, bus: sata}
            - {name: shared, source: /volumes/shared.qcow2, format: qcow2, readOnly: true}
            - {name: app, files: /files/app}
            - {name: sysprep, files: /files/sysprep, label: SYSPREP 1, cdrom: true, bus: sata}
            """,
            ("VM_DISK_BUS", "scsi"),
            ("VM_DISK_CACHE", "unsafe")).ExtraDisks;

        disks.ShouldBe([
            new("data", null, 10L << 30, false, DiskBus.Scsi, false, "DATA-1", 2, DiskCache.None, DiskIo.Native, false),
            new("tools", "/volumes/tools.iso", null, false, DiskBus.Sata, true, null, null, DiskCache.Unsafe, DiskIo.Threads, true),
            new("shared", "/volumes/shared.qcow2", null, true, DiskBus.Scsi, false, null, null, DiskCache.Unsafe, DiskIo.Threads, true),
            new("app", null, null, false, DiskBus.Scsi, false, null, null, DiskCache.Unsafe, DiskIo.Threads, true, new("/files/app", "cfgdata")),
            new("sysprep", null, null, false, DiskBus.Sata, true, null, null, DiskCache.Unsafe, DiskIo.Threads, true, new("/files/sysprep", "SYSPREP 1")),
        ]);
    }

    [Theory]
    [InlineData("memory: {sise: 1Gi}", "memory.sise in SPEC, line 1, column 16: nobody knows this key; memory has hugepages, size")]
    [InlineData("a: 1\nmemori:\n  size: 1Gi", "memori in SPEC, line 3, column 3: nobody knows this key; there are cdrom, ")]
    [InlineData("name: [a]", "name in SPEC, line 1, column 7: must be a single value")]
    [InlineData("memory: 1Gi", "memory in SPEC, line 1, column 9: must be a map of keys to values")]
    [InlineData("- name: a", "the document in SPEC, line 1, column 1: must be a map of keys to values")]
    [InlineData("disks: {name: a}", "disks in SPEC, line 1, column 8: must be a list")]
    [InlineData("disks: [a]", "disks[0] in SPEC, line 1, column 9: must be a map")]
    [InlineData("disks: [{name: a, size: 1Gi, colour: red}]", "colour of disks[0] in SPEC, line 1, column 9: nobody knows this key; a disk has name, source")]
    [InlineData("disks: [{name: a}]", "disks[0] in SPEC, line 1, column 9: a disk needs a name, and either a source (a full path) or a size")]
    [InlineData("disks: [{name: a, size: 1Gi, source: /a}]", "either a source (a full path) or a size")]
    [InlineData("disks: [{name: a, size: 1Gi, files: /a}]", "either a source (a full path) or a size (a blank disk) or files (a directory that becomes a disk)")]
    [InlineData("disks: [{name: a, files: a}]", "=\"a\": is not a full path; begin it with /")]
    [InlineData("disks: [{name: a, size: 1Gi, label: b}]", "=\"b\": is for a disk made of files, which this is not; leave it out")]
    [InlineData("disks: [{name: a, files: /a, label: a-label-of-thirty-three-characters}]", "is not a disk's label; give at most 32 characters of ASCII")]
    [InlineData("disks: [{name: a, files: /a, label: Füße}]", "is not a disk's label")]
    [InlineData("disks: [{name: a, source: a.img}]", "disks[0].source in SPEC, line 1, column 27=\"a.img\": is not a full path; begin it with /")]
    [InlineData("disks: [{name: a, size: 1Gi},\n {name: a, size: 1Gi}]", "disks[1] in SPEC, line 2, column 2: the name a is taken")]
    [InlineData("disks: [{name: ../a, size: 1Gi}]", "=\"../a\": is not a disk's name")]
    [InlineData("disks: [{name: longer-than-qemu-allows, size: 1Gi}]", "give at most 20 of")]
    [InlineData("disks: [{name: a, size: 1Gi, serial: \"a,b\"}]", "=\"a,b\": is not a serial; give at most 20 of")]
    [InlineData("disks: [{name: a, size: 1Gi, cdrom: yes}]", "=\"yes\": is neither true nor false")]
    [InlineData("disks: [{name: a, size: 1Gi, bootOrder: 0}]", "whole number from 1 to 1000")]
    [InlineData("disks: [{name: a, size: 1Gi, io: native}]", "native I/O needs an uncached disk; set the cache to none or directsync")]
    [InlineData("disk: {cache: none, io: native}\ndisks: [{name: a, size: 1Gi, cache: unsafe}]", "line 2, column 37=\"unsafe\": native I/O needs an uncached disk")]
    [InlineData("memory: {size: lots}", "memory.size in SPEC, line 1, column 16=\"lots\": is not a quantity; write for example 512Mi")]
    [InlineData("memory: {hugepages: 1Gi, size: 1.5Gi}", "the memory of 1536Mi is no multiple of it; give VM_MEMORY in whole pages")]
    [InlineData("cpu: {count: 3, sockets: 2}", "=\"3\": sockets, cores and threads make 2; leave out cpu.count")]
    [InlineData("cpu: {sockets: 16, cores: 16}", "make 256 virtual CPUs; give at most 255")]
    [InlineData("firmware: {uuid: 1}", "=\"1\": is not a UUID")]
    [InlineData("nic: {queues: 17}", "whole number from 1 to 16")]
    [InlineData("name: a\nname: b", "VM_SPEC_FILE=\"SPEC\": SPEC:2:1: the key \"name\" is there twice; mend the file")]
    [InlineData("name: [a\nx: b", "VM_SPEC_FILE=\"SPEC\": SPEC:1:7: not valid YAML or JSON behind this place")]
    [InlineData("name: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "SPEC:1:70: nested deeper than 64 levels")]
    [InlineData("name: *a", "VM_SPEC_FILE=\"SPEC\": SPEC:1:7: the alias *a has no finished anchor before it")]
    [InlineData("name: \"a", "VM_SPEC_FILE=\"SPEC\": SPEC:1:")]
    public void What_is_wrong_is_told_with_its_place(string text, string error)
    {
        var path = _directory.Write("spec.yaml", text);

        Given.Errors(("VM_SPEC_FILE", path)).ShouldContain(line => line.Replace(path, "SPEC", StringComparison.Ordinal).Contains(error, StringComparison.Ordinal));
    }

    [Fact]
    public void A_file_that_is_not_there_is_an_error() =>
        Given.Errors(("VM_SPEC_FILE", _directory.At("none.yaml"))).ShouldHaveSingleItem().ShouldSatisfyAllConditions(
            e => e.ShouldStartWith("VM_SPEC_FILE="), e => e.ShouldEndWith("name a readable file, or unset it"));

    [Theory]
    [InlineData("")]
    [InlineData("# nothing yet\n")]
    [InlineData("memory:\ndisks: []\nname:\n")]
    public void An_empty_file_or_group_says_nothing(string text) => Read(text).Machine.MemoryBytes.ShouldBe(1L << 30);

    private VmSettings Read(string text, params (string Name, string Value)[] environment) =>
        Given.Settings([("VM_SPEC_FILE", _directory.Write("spec.yaml", text)), .. environment]);
}
