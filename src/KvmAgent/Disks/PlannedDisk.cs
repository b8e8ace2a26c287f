using KvmAgent.Settings;

namespace KvmAgent.Disks;

/// <summary>A disk as QEMU shall open it. Its format is always said, never guessed from its bytes.</summary>
/// <param name="Id">Node and device name within QEMU.</param>
/// <param name="Path">File or block device.</param>
/// <param name="IsDevice">A block device rather than a file.</param>
/// <param name="Format">QEMU's driver: <c>raw</c> or <c>qcow2</c>.</param>
/// <param name="Base">What it is an overlay on.</param>
/// <param name="BootIndex">Lower is earlier; null: never booted from.</param>
internal sealed record PlannedDisk(
    string Id,
    string Path,
    bool IsDevice,
    string Format,
    DiskBase? Base,
    DiskBus Bus,
    bool Cdrom,
    bool ReadOnly,
    string? Serial,
    int? BootIndex,
    DiskCache Cache,
    DiskIo Io);

/// <summary>The read-only image below an overlay.</summary>
internal sealed record DiskBase(string Path, string Format);
