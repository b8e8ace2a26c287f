using System.Net;
using KvmAgent.ConfigDrive;
using KvmAgent.Images;
using KvmAgent.Network;

namespace KvmAgent.Settings;

internal enum Accelerator { Auto, Kvm, Tcg }

internal enum MachineType { Q35, Pc }

internal enum Firmware { Bios, Uefi }

internal enum Display { Vnc, Spice }

internal enum DiskBus { Virtio, Scsi, Sata, Ide }

internal enum DiskCache { None, Writeback, Writethrough, Directsync, Unsafe }

internal enum DiskIo { Threads, Native, IoUring }

internal enum NicModel { Virtio, E1000e }

internal enum PoweroffAction { Exit, Hold, Restart }

internal enum LogFormat { Text, Json }

internal enum LogLevelSetting { Debug, Info, Warning, Error }

/// <summary>All that a person can set, valid by construction: <see cref="VmSettingsReader"/> makes it, or reports every error at once.</summary>
internal sealed record VmSettings(
    string Name,
    string Namespace,
    ImageSettings Image,
    MachineSettings Machine,
    DiskSettings Disk,
    IReadOnlyList<ExtraDiskSettings> ExtraDisks,
    NetworkSettings Network,
    ConfigDriveSettings ConfigDrive,
    LifecycleSettings Lifecycle,
    string ImageDir,
    string VmDir,
    string RunDir,
    LogSettings Log,
    LinkSettings Link);

/// <param name="Source">URL or absolute path; null where the base must be there already, or where there is none.</param>
/// <param name="Target">File name on the shared volume; null where there is no base image at all.</param>
internal sealed record ImageSettings(string? Source, string? Target, Checksum? Checksum, SourceAccess Access);

/// <param name="MemoryBytes">A whole number of MiB.</param>
/// <param name="HugepageBytes">2 MiB or 1 GiB; null for ordinary pages.</param>
/// <param name="CpuModel">Null: the accelerator's best.</param>
/// <param name="Uuid">SMBIOS UUID; null: derived from the VM's identity.</param>
/// <param name="Display">VNC alone, or SPICE besides.</param>
/// <param name="ConsoleLog">Whether the serial console goes to the log.</param>
internal sealed record MachineSettings(
    CpuTopology Cpu,
    string? CpuModel,
    long MemoryBytes,
    long? HugepageBytes,
    Accelerator Accelerator,
    MachineType Type,
    Firmware Firmware,
    Guid? Uuid,
    Display Display,
    bool ConsoleLog,
    IReadOnlyList<string> QemuArgs);

internal readonly record struct CpuTopology(int Sockets, int Cores, int Threads)
{
    public int Count => Sockets * Cores * Threads;
}

/// <summary>The root disk, and what holds for all disks that do not say otherwise.</summary>
/// <param name="Size">Bytes; null: as the image.</param>
/// <param name="Cdrom">URL or absolute path of an ISO.</param>
internal sealed record DiskSettings(long? Size, DiskBus Bus, DiskCache Cache, DiskIo Io, string? Cdrom);

/// <summary>
/// A disk of the spec file: of a <paramref name="Source"/> that is there, or blank with a <paramref name="Size"/> on the VM's own volume, or made
/// of <paramref name="Files"/>.
/// </summary>
internal sealed record ExtraDiskSettings(
    string Name,
    string? Source,
    long? Size,
    bool Qcow2,
    DiskBus Bus,
    bool Cdrom,
    string? Serial,
    int? BootOrder,
    DiskCache Cache,
    DiskIo Io,
    bool ReadOnly,
    FilesSettings? Files = null);

/// <summary>A mounted ConfigMap or Secret that becomes a disk.</summary>
/// <param name="Label">The file system's, by which the guest finds it.</param>
internal sealed record FilesSettings(string Directory, string Label);

/// <param name="PodPorts">Ports that stay with the pod besides VNC's.</param>
internal sealed record NetworkSettings(
    IPAddress Ip,
    IPAddress Gateway,
    GuestIpv6 Ip6,
    MacAddress Mac,
    NicModel Model,
    int Queues,
    IReadOnlyList<PodPort> PodPorts,
    bool Vnc,
    string? VncPasswordFile);

/// <param name="Format">Null: no config drive.</param>
/// <param name="SshKeyDirs">Directories whose files hold SSH public keys.</param>
/// <remarks>Paths are null where nothing was set and the default is not there.</remarks>
internal sealed record ConfigDriveSettings(
    ConfigDriveFormat? Format,
    string? MetadataFile,
    string? UserdataFile,
    string? VendordataFile,
    string? NetworkdataFile,
    IReadOnlyList<string> SshKeyDirs);

/// <param name="StartPaused">Whether the guest waits for somebody before its first instruction.</param>
internal sealed record LifecycleSettings(TimeSpan GracePeriod, PoweroffAction OnPoweroff, bool StartPaused);

/// <summary>The link to a coordinator.</summary>
/// <param name="Url">Null: there is no link, and the rest means nothing.</param>
/// <param name="CaFile">Null: the system's authorities.</param>
internal sealed record LinkSettings(Uri? Url, string? CaFile, string TokenFile, string PodName, string PodUid);

internal sealed record LogSettings(LogFormat Format, LogLevelSetting Level);
