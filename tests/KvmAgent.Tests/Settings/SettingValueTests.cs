using System.Net;
using KvmAgent.ConfigDrive;
using KvmAgent.Network;
using KvmAgent.Settings;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Settings;

/// <summary>Each setting once with a good value and once with a bad one.</summary>
public sealed class SettingValueTests
{
    /// <summary>There whenever the tests run.</summary>
    private const string AFile = "/etc/passwd";

    private const string Sum = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    private static readonly Dictionary<Setting, Sample> Samples = new()
    {
        [Setting.ImgSource] = new("https://host/a%20b/debian-12.qcow2?x=y", s => s.Image.Target, "debian-12.qcow2", "ftp://host/a.qcow2", "write https://host/image.qcow2 or /path/image.qcow2"),
        [Setting.ImgTarget] = new("base.qcow2", s => s.Image.Target, "base.qcow2", "../base.qcow2", "without / or .."),
        [Setting.ImgChecksum] = new(Sum, s => s.Image.Checksum!.ToString(), Sum, "md5:d41d8cd98f00b204e9800998ecf8427", "write sha256:, sha512:, sha1: or md5:"),
        [Setting.ImgCaFile] = new(AFile, s => s.Image.Access.CaFile, AFile, "/none", "there is no such file; mount it there"),
        [Setting.ImgHeadersFile] = new(AFile, s => s.Image.Access.HeadersFile, AFile, "headers", "begin it with /"),
        [Setting.ImgAllowAddress] = new("127.0.0.1, fd00::/8", s => string.Join(' ', s.Image.Access.AllowAddresses), "127.0.0.1/32 fd00::/8", "127.0.0.1,127.1", "127.1 is neither an address nor a network; write for example 127.0.0.1 or 10.0.0.0/8"),
        [Setting.ImgConnections] = new("8", s => s.Image.Access.Connections, 8, "65", "whole number from 1 to 64"),
        [Setting.ImgAccessKeyId] = new("AKIA", s => s.Image.Access.User, "AKIA"),
        [Setting.ImgSecretKey] = new("wJalr", s => s.Image.Access.Password, "wJalr"),
        [Setting.RegistryAuthFile] = new(AFile, s => s.Image.Access.RegistryAuthFile, AFile, "/none", "there is no such file; mount it there"),
        [Setting.ImgClientCertFile] = new(AFile, s => s.Image.Access.ClientCertificateFile, AFile, "/none", "there is no such file; mount it there"),
        [Setting.ImgClientKeyFile] = new(AFile, s => s.Image.Access.ClientKeyFile, AFile, "/none", "there is no such file; mount it there"),
        [Setting.ImgInsecureTls] = new("true", s => s.Image.Access.InsecureTls, true, "perhaps", "true or false"),
        [Setting.ImgS3Endpoint] = new("https://minio:9000", s => s.Image.Access.S3Endpoint, "https://minio:9000"),
        [Setting.ImgS3Region] = new("eu-central-1", s => s.Image.Access.S3Region, "eu-central-1"),
        [Setting.VmName] = new("db-0", s => s.Name, "db-0", "DB_0", "at most 63 of a-z, 0-9 and -"),
        [Setting.PodNamespace] = new("prod", s => s.Namespace, "prod"),
        [Setting.VmCpus] = new("4", s => s.Machine.Cpu, new CpuTopology(4, 1, 1), "0", "whole number from 1 to 255"),
        [Setting.VmCpuModel] = new("Skylake-Server,+vmx", s => s.Machine.CpuModel, "Skylake-Server,+vmx", "host -S", "cpu help"),
        [Setting.VmMemory] = new("1.5Gi", s => s.Machine.MemoryBytes, 1536L << 20, "lots", "write for example 512Mi, 1Gi or 20G"),
        [Setting.VmDiskSize] = new("20G", s => s.Disk.Size, 20_000_000_000L, "20GB", "write for example 512Mi, 1Gi or 20G"),
        [Setting.VmDiskBus] = new("sata", s => s.Disk.Bus, DiskBus.Sata, "ide", "write virtio or scsi or sata"),
        [Setting.VmDiskCache] = new("directsync", s => s.Disk.Cache, DiskCache.Directsync, "off", "write writeback or none or writethrough or directsync or unsafe"),
        [Setting.VmDiskIo] = new("io_uring", s => s.Disk.Io, DiskIo.IoUring, "native", "set the cache to none or directsync"),
        [Setting.VmCdrom] = new("http://host/install.iso", s => s.Disk.Cdrom, "http://host/install.iso", "install.iso", "nor a full path"),
        [Setting.VmAccel] = new("kvm", s => s.Machine.Accelerator, Accelerator.Kvm, "KVM", "write auto or kvm or tcg"),
        [Setting.VmMachine] = new("pc", s => s.Machine.Type, MachineType.Pc, "i440fx", "write q35 or pc"),
        [Setting.VmFirmware] = new("uefi", s => s.Machine.Firmware, Firmware.Uefi, "efi", "write bios or uefi"),
        [Setting.VmMac] = new("52-54-00-AB-CD-EF", s => s.Network.Mac.ToString(), "52:54:00:ab:cd:ef", "53:54:00:ab:cd:ef", "is not a unicast MAC address; write for example 52:54"),
        [Setting.NicModel] = new("e1000e", s => s.Network.Model, NicModel.E1000e, "e1000", "write virtio or e1000e"),
        [Setting.VmIp] = new("192.168.254.2/30", s => s.Network.Ip, IPAddress.Parse("192.168.254.2"), "192.168.254.400", "is not an IPv4 address; write for example 192.168.254.2"),
        [Setting.VmGw] = new("192.168.254.1/30", s => s.Network.Gateway, IPAddress.Parse("192.168.254.1"), "gateway", "is not an IPv4 address; write for example 192.168.254.1"),
        [Setting.VmIp6] = new("off", s => s.Network.Ip6, GuestIpv6.Off, "on", "write one of fc00::/7, or off"),
        [Setting.PodPorts] = new("8080, 53/udp,5900", s => string.Join(' ', s.Network.PodPorts), "5900/tcp 8080/tcp 53/udp", "8080,70000", "70000 is not a port; write ports from 1 to 65535"),
        [Setting.NoVnc] = new("0", s => s.Network.Vnc, false),
        [Setting.VmDisplay] = new("spice", s => s.Machine.Display, Display.Spice, "gtk", "write vnc or spice"),
        [Setting.VncPasswordFile] = new("", s => s.Network.VncPasswordFile, null, AFile, "has not 1 to 8 bytes, which is what VNC takes; put such a password there"),
        [Setting.ConfigDrive] = new("nocloud", s => s.ConfigDrive.Format, ConfigDriveFormat.NoCloud, "ec2", "write openstack or nocloud or none"),
        [Setting.MetadataFile] = new(AFile, s => s.ConfigDrive.MetadataFile, AFile, "/none", "mount it there, or unset the setting"),
        [Setting.UserdataFile] = new(AFile, s => s.ConfigDrive.UserdataFile, AFile, "/none", "mount it there, or unset the setting"),
        [Setting.VendordataFile] = new(AFile, s => s.ConfigDrive.VendordataFile, AFile, "/none", "mount it there, or unset the setting"),
        [Setting.NetworkdataFile] = new(AFile, s => s.ConfigDrive.NetworkdataFile, AFile, "/none", "mount it there, or unset the setting"),
        [Setting.SshKeyDirs] = new("/etc, /usr", s => string.Join(' ', s.ConfigDrive.SshKeyDirs), "/etc /usr", "/etc,/none", "there is no directory /none; mount a Secret there"),
        [Setting.ImageDir] = new("/images", s => s.ImageDir, "/images", "images", "begin it with /"),
        [Setting.VmDir] = new("/vms", s => s.VmDir, "/vms", "vms", "begin it with /"),
        [Setting.RunDir] = new("/run/a", s => s.RunDir, "/run/a", "/" + new string('a', 80), "give a path of at most 80 characters"),
        [Setting.VmSpecFile] = new("/dev/null", s => s.ExtraDisks.Count, 0, "/none/spec", "name a readable file, or unset it"),
        [Setting.GracePeriod] = new("2m", s => s.Lifecycle.GracePeriod, TimeSpan.FromMinutes(2), "2 minutes", "write seconds, or for example 30s, 2m or 1h"),
        [Setting.VmOnPoweroff] = new("restart", s => s.Lifecycle.OnPoweroff, PoweroffAction.Restart, "reboot", "write exit or hold or restart"),
        [Setting.VmStartPaused] = new("true", s => s.Lifecycle.StartPaused, true, "yes", "write true or false"),
        [Setting.QemuArgs] = new("-device 'usb-kbd,id=a b'", s => string.Join('|', s.Machine.QemuArgs), "-device|usb-kbd,id=a b", "-device 'usb", "a single quote is not closed; quote the arguments as for a shell"),
        [Setting.LogFormat] = new("json", s => s.Log.Format, LogFormat.Json, "xml", "write text or json"),
        [Setting.CoordinatorUrl] = new("https://coordinator.vms:8443/kvm", s => s.Link.Url, new Uri("https://coordinator.vms:8443/kvm"), "http://coordinator.vms", "write https://; http:// is for loopback addresses"),
        [Setting.CoordinatorCaFile] = new("/etc/ca.pem", s => s.Link.CaFile, "/etc/ca.pem", "ca.pem", "begin it with /"),
        [Setting.CoordinatorTokenFile] = new("/etc/token", s => s.Link.TokenFile, "/etc/token", "token", "begin it with /"),
        [Setting.PodName] = new("web-0", s => s.Link.PodName, "web-0"),
        [Setting.PodUid] = new("3f1c2f0e", s => s.Link.PodUid, "3f1c2f0e"),
        [Setting.LogLevel] = new("debug", s => s.Log.Level, LogLevelSetting.Debug, "trace", "write debug or info or warning or error"),
    };

    public static TheoryData<string> Names => [.. Samples.Keys.Select(s => s.Name)];

    public static TheoryData<string> NamesThatCanBeWrong => [.. Samples.Where(s => s.Value.Bad is not null).Select(s => s.Key.Name)];

    [Fact]
    public void No_setting_is_forgotten() => Samples.Keys.ShouldBe(Setting.All, ignoreOrder: true);

    [Theory]
    [MemberData(nameof(Names))]
    public void A_good_value_is_taken(string name)
    {
        var sample = Sample.Of(name);
        using var directory = new TempDirectory();
        if (name == Setting.VncPasswordFile.Name)
        {
            var path = directory.Write("password", "12345678\n");
            Given.Settings((name, path)).Network.VncPasswordFile.ShouldBe(path);
            return;
        }

        sample.Read(Given.Settings((name, sample.Good))).ShouldBe(sample.Expected);
    }

    [Theory]
    [MemberData(nameof(NamesThatCanBeWrong))]
    public void A_bad_value_is_one_error_with_name_value_and_remedy(string name)
    {
        var sample = Sample.Of(name);

        Given.Errors((name, sample.Bad!))[0].ShouldSatisfyAllConditions(
            e => e.ShouldStartWith($"{name}=\"{sample.Bad}\": "),
            e => e.ShouldContain(sample.Remedy!));
    }

    [Fact]
    public void All_errors_are_told_at_once()
    {
        var bad = Samples.Where(s => s.Value.Bad is not null).ToArray();

        var errors = Given.Errors([.. bad.Select(s => (s.Key.Name, s.Value.Bad!))]);

        bad.Select(s => s.Key.Name).ShouldAllBe(name => errors.Any(e => e.StartsWith($"{name}=", StringComparison.Ordinal)));
    }

    private sealed record Sample(string Good, Func<VmSettings, object?> Read, object? Expected, string? Bad = null, string? Remedy = null)
    {
        public static Sample Of(string name) => Samples.Single(s => s.Key.Name == name).Value;
    }
}
