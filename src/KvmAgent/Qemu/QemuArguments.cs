using KvmAgent.Settings;

namespace KvmAgent.Qemu;

/// <summary>QEMU's command line: a pure function of the machine. Each part is one aspect; what a person sets never becomes an option's syntax.</summary>
internal static class QemuArguments
{
    public const string Program = "qemu-system-x86_64";

    /// <summary>Of translated code, without KVM. QEMU's own 1 GiB counts against the pod's memory as it fills; the chart knows this number.</summary>
    public const int TranslationCacheMebibytes = 256;

    /// <summary>
    /// Under TCG all it has, but for what costs the guest more there than it gives. Fast string moves: they make the kernel copy by
    /// `rep movsb`, which TCG does byte by byte (less than half the network throughput). SMAP: its two instructions around every copy
    /// from a program's memory break translated code apart (a tenth of it).
    /// </summary>
    private const string TcgModel = "max,-erms,-fsrm,-smap";

    public static IReadOnlyList<string> Build(QemuMachine machine) =>
    [
        .. Base(machine),
        .. Processor(machine.Settings.Machine, machine.Accelerator),
        .. Memory(machine.Settings.Machine),
        .. FirmwareFlash(machine),
        .. QemuDiskArguments.Build(machine.Disks, machine.Settings.Machine.Type),
        .. Nic(machine),
        .. Channels(machine.Sockets),
        .. Display(machine),
        .. Spice(machine),
        .. machine.Settings.Machine.QemuArgs,
    ];

    private static IEnumerable<string> Base(QemuMachine machine) =>
    [
        "-name", $"guest={machine.Settings.Name}",
        "-nodefaults", "-no-user-config",
        // Started stopped: the guest runs once the network's rules are in place.
        "-S",
        "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        "-machine", MachineType(machine),
        "-accel", machine.Accelerator == Accelerator.Kvm ? "kvm" : $"tcg,thread=multi,tb-size={TranslationCacheMebibytes}",
        "-uuid", machine.Uuid.ToString("D"),
        "-rtc", "base=utc,driftfix=slew",
        "-global", "kvm-pit.lost_tick_policy=delay",
        "-boot", "menu=off,strict=on",
        "-device", "virtio-rng-pci",
        "-device", "virtio-balloon-pci,free-page-reporting=on",
        // Tells us of a guest kernel's panic.
        "-device", "pvpanic",
    ];

    private static string MachineType(QemuMachine machine)
    {
        var settings = machine.Settings.Machine;
        var type = settings.Type == Settings.MachineType.Q35 ? "q35" : "pc";
        var memory = settings.HugepageBytes is null ? "" : ",memory-backend=memory";
        var flash = machine.FirmwareCode is null ? "" : ",pflash0=firmware-code,pflash1=firmware-variables";
        return $"{type},usb=off,vmport=off,dump-guest-core=off{memory}{flash}";
    }

    private static IEnumerable<string> Processor(MachineSettings settings, Accelerator accelerator)
    {
        var cpu = settings.Cpu;
        return
        [
            "-cpu", settings.CpuModel ?? (accelerator == Accelerator.Kvm ? "host" : TcgModel),
            "-smp", $"cpus={cpu.Count},sockets={cpu.Sockets},cores={cpu.Cores},threads={cpu.Threads}",
        ];
    }

    private static IEnumerable<string> Memory(MachineSettings settings) => settings.HugepageBytes is { } page
        ?
        [
            "-m", $"size={settings.MemoryBytes >> 20}M",
            "-object", $"memory-backend-memfd,id=memory,size={settings.MemoryBytes},hugetlb=on,hugetlbsize={page}",
        ]
        : ["-m", $"size={settings.MemoryBytes >> 20}M"];

    private static IEnumerable<string> FirmwareFlash(QemuMachine machine) => machine is { FirmwareCode: { } code, FirmwareVariables: { } variables }
        ?
        [
            "-blockdev", QemuJson.File("firmware-code-file", code, readOnly: true),
            "-blockdev", QemuJson.Format("firmware-code", "raw", "firmware-code-file", readOnly: true),
            "-blockdev", QemuJson.File("firmware-variables-file", variables, readOnly: false),
            "-blockdev", QemuJson.Format("firmware-variables", "raw", "firmware-variables-file", readOnly: false),
        ]
        : [];

    private static IEnumerable<string> Nic(QemuMachine machine)
    {
        var network = machine.Settings.Network;
        var queues = network.Queues > 1 ? $",queues={network.Queues}" : "";
        // Two vectors a queue pair, one for configuration, one for control.
        var vectors = network.Queues > 1 ? $",mq=on,vectors={(2 * network.Queues) + 2}" : "";
        var device = network.Model == NicModel.Virtio ? $"virtio-net-pci,host_mtu={machine.Mtu}{vectors}" : "e1000e";
        return
        [
            "-netdev", $"tap,id=net0,ifname={machine.Tap},script=no,downscript=no{queues}",
            // An empty romfile: nobody boots from this network, and the firmware is faster without.
            "-device", $"{device},netdev=net0,mac={network.Mac},romfile=",
        ];
    }

    private static IEnumerable<string> Channels(QemuSockets sockets) =>
    [
        "-chardev", $"socket,id=qmp,path={Escape(sockets.Qmp)},server=on,wait=off",
        "-mon", "chardev=qmp,mode=control",
        "-chardev", $"socket,id=serial,path={Escape(sockets.Serial)},server=on,wait=off",
        "-serial", "chardev:serial",
        "-device", "virtio-serial-pci",
        "-chardev", $"socket,id=guest-agent,path={Escape(sockets.GuestAgent)},server=on,wait=off",
        "-device", "virtserialport,id=guest-agent-port,chardev=guest-agent,name=org.qemu.guest_agent.0",
    ];

    private static IEnumerable<string> Display(QemuMachine machine)
    {
        yield return "-vga";
        yield return "std";
        // An absolute pointer, so that the viewer's and the guest's agree.
        yield return "-device";
        yield return "qemu-xhci";
        yield return "-device";
        yield return "usb-tablet";
        yield return "-vnc";
        yield return $"unix:{Escape(machine.Sockets.Vnc)}";
        if (machine.Settings.Network.Vnc)
        {
            var password = "";
            if (machine.VncPassword is { } file)
            {
                yield return "-object";
                yield return $"secret,id=vnc-password,file={Escape(file)}";
                password = ",password-secret=vnc-password";
            }

            yield return "-vnc";
            yield return $":0{password}";
        }
    }

    /// <summary>Whoever reaches the socket may look, as with VNC's. The channel is for the guest's own agent (spice-vdagent): the clipboard, the screen's size.</summary>
    private static IEnumerable<string> Spice(QemuMachine machine) => machine.Settings.Machine.Display == Settings.Display.Spice
        ?
        [
            "-spice", $"unix=on,addr={Escape(machine.Sockets.Spice)},disable-ticketing=on,seamless-migration=off",
            "-chardev", "spicevmc,id=spice-agent,name=vdagent",
            "-device", "virtserialport,id=spice-agent-port,chardev=spice-agent,name=com.redhat.spice.0",
        ]
        : [];

    /// <summary>A comma in an option's value is written twice.</summary>
    private static string Escape(string value) => value.Replace(",", ",,", StringComparison.Ordinal);
}
