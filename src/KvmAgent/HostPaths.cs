namespace KvmAgent;

/// <summary>
/// Every path that is fixed by the system rather than by a setting, under one replaceable root: tests put a directory of their own
/// before them with <c>HOST_ROOT</c>. What is handed to other programs by name (QEMU's /dev/kvm) is not affected.
/// </summary>
internal sealed class HostPaths(string root = "/")
{
    public static HostPaths FromEnvironment() => new(Environment.GetEnvironmentVariable("HOST_ROOT") ?? "/");

    public string Root { get; } = root;

    public string ResolvConf => At("etc/resolv.conf");
    public string Kvm => At("dev/kvm");
    public string Tun => At("dev/net/tun");
    public string TerminationLog => At("dev/termination-log");

    /// <summary>Where the original found block devices: <c>root</c> is the root disk, <c>disk*</c> are further ones.</summary>
    public string BlockDisks => At("dev/vm");

    /// <summary>Where the original found image files: <c>*.img</c>.</summary>
    public string VolumeDisks => At("volumes");

    /// <summary>Where the Containerized Data Importer has the volume of a disk or an archive, the block device, scratch space and secret headers.</summary>
    public string ImportVolume => At("data");
    public string ImportDevice => At("dev/cdi-block-volume");
    public string ImportScratch => At("scratch");
    public string ImportHeaders => At("extraheaders");

    /// <summary>Where an importer that clones has the key of the disk's server.</summary>
    public string CloneKey => At("clone-key");

    public string ImportMetrics => At("run/kvm-agent/import.prom");

    public string NetworkDevices => At("sys/class/net");
    public string Proc => At("proc");
    public string CGroups => At("sys/fs/cgroup");
    public string Firmware => At("usr/share/OVMF");

    private string At(string path) => Path.Combine(Root, path);
}
