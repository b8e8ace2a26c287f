using System.Runtime.CompilerServices;
using System.Text.Json;
using KvmAgent.Disks;
using KvmAgent.Processes;
using KvmAgent.Qemu;
using KvmAgent.Settings;
using KvmAgent.Tests.Support;
using KvmAgent.TestSupport;

namespace KvmAgent.Tests.Qemu;

/// <summary>QEMU's command line for machines that differ in one aspect each; a person reads the snapshots.</summary>
public sealed class QemuArgumentsTests : IDisposable
{
    private static readonly Guid Uuid = Guid.Parse("6f1d7d4c-0c0b-4b0e-8a53-9f3fbb4ac7d1");
    private static readonly DiskFiles Files = new(
        "/vm/web.qcow2", new DiskBase("/image/debian.qcow2", "qcow2"), null, new Dictionary<string, string> { ["data"] = "/vm/web-data.qcow2" },
        new Dictionary<string, string> { ["cfg"] = "/run/kvm-agent/files-cfg.iso" }, "/run/kvm-agent/config-drive.iso");

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void As_it_is_by_default() => Snapshot(Machine(), "default");

    [Fact]
    public void With_kvm() => Snapshot(Machine() with { Accelerator = Accelerator.Kvm }, "kvm");

    [Fact]
    public void With_uefi_hugepages_a_topology_and_queues()
    {
        var spec = _directory.Write("spec.yaml", """
            cpu: {sockets: 1, cores: 2, threads: 2, model: "max,-x2apic"}
            memory: {size: 2Gi, hugepages: 2Mi}
            firmware: {type: uefi}
            nic: {queues: 4}
            """);
        Snapshot(
            Machine(("VM_SPEC_FILE", spec)) with { FirmwareCode = "/usr/share/OVMF/OVMF_CODE_4M.fd", FirmwareVariables = "/vm/web.efivars" },
            "uefi-hugepages-topology");
    }

    [Fact]
    public void With_sata_and_a_cdrom_for_guests_without_virtio() => Snapshot(
        Machine(Files with { Cdrom = "/image/install.iso" }, ("VM_DISK_BUS", "sata"), ("VM_NIC_MODEL", "e1000e"), ("VM_CDROM", "/image/install.iso")),
        "sata-cdrom");

    [Fact]
    public void On_the_pc_with_ide() => Snapshot(Machine(("VM_MACHINE", "pc"), ("VM_DISK_BUS", "ide")), "pc-ide");

    [Fact]
    public void With_scsi_and_disks_of_the_spec_file()
    {
        var spec = _directory.Write("spec.yaml", """
            disk: {bus: scsi, cache: none, io: native}
            disks:
            - {name: data, size: 1Gi, serial: DATA-1, cache: directsync}
            - {name: tools, source: /volumes/tools.iso, cdrom: true}
            - {name: scratch, source: /volumes/scratch.raw, bus: virtio, bootOrder: 1, cache: unsafe, io: io_uring}
            """);
        Snapshot(Machine(("VM_SPEC_FILE", spec)), "scsi-disks");
    }

    [Fact]
    public void Without_vnc_the_unix_socket_stays() => Snapshot(Machine(("NO_VNC", "1")), "novnc");

    [Fact]
    public void With_a_vnc_password() => Snapshot(Machine() with { VncPassword = "/run/kvm-agent/vnc-password" }, "vnc-password");

    [Fact]
    public void With_spice() => Snapshot(Machine(("VM_DISPLAY", "spice")), "spice");

    [Fact]
    public void What_a_person_appends_comes_last_and_as_it_is() =>
        QemuArguments.Build(Machine(("QEMU_ARGS", "-device 'usb-kbd,id=a b' -trace x"))).TakeLast(4).ShouldBe(["-device", "usb-kbd,id=a b", "-trace", "x"]);

    /// <summary>In an option's value a comma begins the next one, so a path could bring options of its own.</summary>
    [Fact]
    public void Commas_and_quotes_in_paths_stay_part_of_the_paths()
    {
        const string odd = "/v,script=/evil\"\\/a";
        var machine = Machine(Files with { Root = $"{odd}/web.qcow2", Base = new DiskBase($"{odd}/base.qcow2", "qcow2") }) with
        {
            Sockets = new QemuSockets(odd),
            VncPassword = $"{odd}/password",
        };

        var arguments = QemuArguments.Build(machine);

        arguments.Where(a => a.Contains("evil", StringComparison.Ordinal) && a[0] != '{').Count().ShouldBe(5);
        arguments.Where(a => a.Contains("evil", StringComparison.Ordinal) && a[0] != '{').ShouldAllBe(a => a.Contains("/v,,script=/evil", StringComparison.Ordinal));
        arguments.Where(a => a[0] == '{').Select(a => JsonDocument.Parse(a).RootElement)
            .Where(j => j.TryGetProperty("filename", out _)).Select(j => j.GetProperty("filename").GetString())
            .ShouldBe([$"{odd}/base.qcow2", $"{odd}/web.qcow2", Files.ConfigDrive]);
    }

    [Theory]
    [InlineData("q35", "sata", 6)]
    [InlineData("pc", "ide", 4)]
    public void More_disks_than_a_bus_has_places_are_an_error(string type, string bus, int places)
    {
        var machine = Machine(("VM_MACHINE", type), ("VM_DISK_BUS", bus));
        var disk = machine.Disks[0];

        QemuArguments.Build(machine with { Disks = [.. Enumerable.Repeat(disk, places)] });
        var error = Should.Throw<AgentException>(() => QemuArguments.Build(machine with { Disks = [.. Enumerable.Repeat(disk, places + 1)] }));
        error.Reason.ShouldBe(FailureReason.Settings);
        error.Message.ShouldContain($"more disks on the {bus} bus than it has places; put some on virtio or scsi");
    }

    /// <summary>QEMU itself takes what the snapshots say, disks, firmware and devices: it comes up to its prompt and quits.</summary>
    [Fact]
    public async Task Qemu_understands_it()
    {
        await ProcessRunner.RunAsync("qemu-img", ["create", "-q", "-f", "qcow2", _directory.At("base.qcow2"), "1M"]);
        await ProcessRunner.RunAsync("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", _directory.At("base.qcow2"), _directory.At("a,b.qcow2")]);
        await ProcessRunner.RunAsync("qemu-img", ["create", "-q", "-f", "qcow2", _directory.At("data.qcow2"), "1M"]);
        _directory.Write("drive.iso", new string('\0', 2048));
        Directory.CreateDirectory(_directory.At("run", "qemu"));
        const string longest = "as-long-as-a-name-is";
        var spec = _directory.Write("spec.yaml", $"disks: [{{name: {longest}, size: 1Mi, bus: scsi, serial: S}}]");
        var files = new DiskFiles(
            _directory.At("a,b.qcow2"), new DiskBase(_directory.At("base.qcow2"), "qcow2"), null,
            new Dictionary<string, string> { [longest] = _directory.At("data.qcow2") }, new Dictionary<string, string>(), _directory.At("drive.iso"));
        var machine = Machine(files, ("VM_SPEC_FILE", spec), ("NO_VNC", "1"), ("VM_MEMORY", "64Mi")) with { Sockets = new QemuSockets(_directory.At("run")) };

        // A tap needs a network of its own: that is what the host tests have.
        var arguments = QemuArguments.Build(machine).ToList();
        arguments[arguments.FindIndex(a => a.StartsWith("tap,", StringComparison.Ordinal))] = "user,id=net0,restrict=on";
        var result = await ProcessRunner.TryRunAsync(QemuArguments.Program, [.. arguments, "-monitor", "stdio"], "quit\n");

        result.ExitCode.ShouldBe(0, result.Error);
        result.Error.ShouldBe("");
    }

    private QemuMachine Machine(params (string Name, string Value)[] environment) => Machine(Files, environment);

    private QemuMachine Machine(DiskFiles files, params (string Name, string Value)[] environment)
    {
        var settings = Given.Settings([("IMG_SOURCE", "/images/debian.qcow2"), .. environment]);
        var disks = DiskPlan.Create(settings, DiskLayout.Decide(settings, new HostPaths(_directory.FullPath)), files);
        return new QemuMachine(settings, Accelerator.Tcg, Uuid, disks, "vmtap0", 1450, null, null, null, new QemuSockets("/run/kvm-agent"));
    }

    /// <summary>One option a line, so that a change shows where it is.</summary>
    private static void Snapshot(QemuMachine machine, string name, [CallerMemberName] string test = "")
    {
        var text = string.Concat(QemuArguments.Build(machine).Select((a, i) => i == 0 ? a : a[0] == '-' ? $"\n{a}" : $" {a}"));
        Golden.ShouldBe($"{text}\n", RepositoryRoot.At("tests", "KvmAgent.Tests", "Qemu", "Snapshots", $"{name}.txt"), test);
    }
}
