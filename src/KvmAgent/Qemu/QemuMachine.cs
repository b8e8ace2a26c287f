using KvmAgent.Disks;
using KvmAgent.Settings;

namespace KvmAgent.Qemu;

/// <summary>All that QEMU's command line is made of, found and decided.</summary>
/// <param name="Accelerator">KVM or TCG, no longer auto.</param>
/// <param name="Uuid">The machine's SMBIOS UUID.</param>
/// <param name="Disks">In the order in which the guest shall see them.</param>
/// <param name="Mtu">Told to the guest's virtio driver.</param>
/// <param name="FirmwareCode">UEFI code image; null for BIOS.</param>
/// <param name="FirmwareVariables">The VM's own UEFI variables.</param>
/// <param name="VncPassword">File with the password for VNC on TCP, readable by QEMU; null for none.</param>
internal sealed record QemuMachine(
    VmSettings Settings,
    Accelerator Accelerator,
    Guid Uuid,
    IReadOnlyList<PlannedDisk> Disks,
    string Tap,
    int Mtu,
    string? FirmwareCode,
    string? FirmwareVariables,
    string? VncPassword,
    QemuSockets Sockets);

/// <summary>Where QEMU listens, in a directory of its own below RUN_DIR.</summary>
internal sealed class QemuSockets(string runDir)
{
    public string Directory { get; } = Path.Combine(runDir, "qemu");
    public string Qmp => Path.Combine(Directory, "qmp.sock");
    public string Serial => Path.Combine(Directory, "serial.sock");
    public string GuestAgent => Path.Combine(Directory, "guest-agent.sock");
    public string Vnc => Path.Combine(Directory, "vnc.sock");
    public string Spice => Path.Combine(Directory, "spice.sock");
}
