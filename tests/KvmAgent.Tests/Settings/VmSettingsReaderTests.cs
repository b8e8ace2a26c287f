using System.Net;
using KvmAgent.ConfigDrive;
using KvmAgent.Images;
using KvmAgent.Lifecycle;
using KvmAgent.Network;
using KvmAgent.Settings;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Settings;

public sealed class VmSettingsReaderTests
{
    [Fact]
    public void Nothing_needs_to_be_set()
    {
        var settings = Given.Settings();

        settings.Name.ShouldBe("web-1");
        settings.Namespace.ShouldBe("");
        settings.Image.ShouldBe(new ImageSettings(null, null, null, new SourceAccess()));
        settings.Machine.ShouldBe(
            new MachineSettings(new CpuTopology(1, 1, 1), null, 1L << 30, null, Accelerator.Auto, MachineType.Q35, Firmware.Bios, null, Display.Vnc, true, settings.Machine.QemuArgs));
        settings.Machine.QemuArgs.ShouldBeEmpty();
        settings.Disk.ShouldBe(new DiskSettings(null, DiskBus.Virtio, DiskCache.Writeback, DiskIo.Threads, null));
        settings.ExtraDisks.ShouldBeEmpty();
        settings.Network.ShouldBe(new NetworkSettings(
            IPAddress.Parse("192.168.254.2"), IPAddress.Parse("192.168.254.1"), GuestIpv6.Auto, MacAddress.FromIdentity("", "web-1"),
            NicModel.Virtio, 1, settings.Network.PodPorts, true, null));
        settings.Network.PodPorts.ShouldBe([new PodPort(TransportProtocol.Tcp, 5900)]);
        settings.ConfigDrive.Format.ShouldBe(ConfigDriveFormat.OpenStack);
        settings.Lifecycle.ShouldBe(new LifecycleSettings(TimeSpan.FromSeconds(30), PoweroffAction.Exit, false));
        (settings.ImageDir, settings.VmDir, settings.RunDir).ShouldBe(("/image", "/vm", "/run/kvm-agent"));
        settings.Log.ShouldBe(new LogSettings(LogFormat.Text, LogLevelSetting.Info));
    }

    [Theory]
    [InlineData("10.0.0.5", "192.168.254.1", "VM_IP=10.0.0.5 and VM_GW=192.168.254.1 are not the two hosts of one /30 network; take a pair such as")]
    [InlineData("192.168.254.3", "192.168.254.1", "are not the two hosts of one /30")]
    [InlineData("192.168.254.1", "192.168.254.1", "are not the two hosts of one /30")]
    [InlineData("127.0.0.2", "127.0.0.1", "VM_IP=127.0.0.2 is not a usable IPv4 address; take one of a private network")]
    [InlineData("web", "192.168.254.1", "VM_IP=\"web\": is not an IPv4 address; write for example 192.168.254.2")]
    [InlineData("192.168.254", "192.168.254.1", "is not an IPv4 address")]
    [InlineData("192.168.254.010", "192.168.254.9", "is not an IPv4 address")]
    [InlineData("0xC0A8FE02", "192.168.254.1", "is not an IPv4 address")]
    [InlineData("fd00::2", "192.168.254.1", "is not an IPv4 address")]
    public void Addresses_that_make_no_network_are_refused(string ip, string gateway, string error) =>
        Given.Errors(("VM_IP", ip), ("VM_GW", gateway)).ShouldHaveSingleItem().ShouldContain(error);

    [Theory]
    [InlineData("2001:db8::2", "is not a unique local IPv6 address (fc00::/7)")]
    [InlineData("fd00::1", "is taken: the gateway is fd00::1")]
    public void An_ipv6_address_that_cannot_be_the_guests_is_refused(string ip, string error) =>
        Given.Errors(("VM_IP6", ip)).ShouldHaveSingleItem().ShouldContain(error);

    [Theory]
    [InlineData("a/b.qcow2")]
    [InlineData("/b.qcow2")]
    [InlineData("..")]
    [InlineData(".hidden")]
    [InlineData("a b")]
    [InlineData("a\0b")]
    public void A_target_stays_within_its_directory(string name) => Given.Errors(("IMG_TARGET", name)).ShouldHaveSingleItem().ShouldSatisfyAllConditions(
        e => e.ShouldStartWith($"IMG_TARGET=\"{name}\": is not a plain file name"),
        e => e.ShouldContain("give a name within IMAGE_DIR without / or .., such as debian-12.qcow2"));

    [Theory]
    [InlineData("https://host/images/", "has no file name at its end; set IMG_TARGET to a name")]
    [InlineData("https://host/a%20b", "the last segment of IMG_SOURCE=\"a b\": is not a plain file name; set IMG_TARGET to a plain name")]
    [InlineData("/images/..", "has no file name at its end; set IMG_TARGET to a name")]
    public void A_source_whose_end_is_no_name_needs_a_target(string source, string error)
    {
        Given.Errors(("IMG_SOURCE", source)).ShouldHaveSingleItem().ShouldContain(error);
        Given.Settings(("IMG_SOURCE", source), ("IMG_TARGET", "base.qcow2")).Image.Target.ShouldBe("base.qcow2");
    }

    [Theory]
    [InlineData("https://me:secret@host/?signature=secret")]
    [InlineData("ftp://me:secret@host/a.qcow2")]
    public void Secrets_of_a_refused_source_are_not_told(string source) =>
        Given.Errors(("IMG_SOURCE", source)).ShouldHaveSingleItem().ShouldNotContain("secret");

    /// <summary>What the store makes of a URL must be what was checked.</summary>
    [Fact]
    public void A_cdroms_name_never_leads_out_of_its_directory()
    {
        const string url = "http://host/..%2F..%2Fetc%2Fa.iso";

        Given.Settings(("VM_CDROM", url)).Disk.Cdrom.ShouldBe(url);
        BaseImages.CdromName(url).ShouldBe("a.iso");
        Given.Errors(("VM_CDROM", "http://host/a%2F..")).ShouldHaveSingleItem().ShouldContain("is not a plain file name");
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("\n", false)]
    [InlineData("12345678", true)]
    [InlineData("12345678\r\n", true)]
    [InlineData("123456789", false)]
    [InlineData("pässwört", false)]
    public void A_vnc_password_has_1_to_8_bytes(string password, bool good)
    {
        using var directory = new TempDirectory();
        var path = directory.Write("password", password);

        if (good)
        {
            Given.Settings(("VNC_PASSWORD_FILE", path)).Network.VncPasswordFile.ShouldBe(path);
        }
        else
        {
            Given.Errors(("VNC_PASSWORD_FILE", path)).ShouldHaveSingleItem().ShouldContain("8 bytes");
        }
    }

    /// <summary>The kernel refuses to read a process's memory from address 0, which has the same end as a file that may not be read.</summary>
    [Fact]
    public void A_vnc_password_that_cannot_be_read_is_an_error() =>
        Given.Errors(("VNC_PASSWORD_FILE", "/proc/self/mem")).ShouldHaveSingleItem().ShouldContain("let the agent's user read it");

    [Theory]
    [InlineData("30", 30)]
    [InlineData("90s", 90)]
    [InlineData("2m", 120)]
    [InlineData("1h", 3600)]
    public void A_duration_is_seconds_or_has_a_unit(string text, int seconds) =>
        Given.Settings(("GRACE_PERIOD", text)).Lifecycle.GracePeriod.ShouldBe(TimeSpan.FromSeconds(seconds));

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("s")]
    [InlineData("1d")]
    [InlineData("100000")]
    public void Anything_else_is_no_duration(string text) => Given.Errors(("GRACE_PERIOD", text)).ShouldHaveSingleItem().ShouldContain("is not a duration");

    [Theory]
    [InlineData("")]
    [InlineData("-web")]
    [InlineData("web-")]
    [InlineData("we_b")]
    public void A_host_name_that_is_none_asks_for_a_vm_name(string hostName) =>
        Should.Throw<AgentException>(() => VmSettingsReader.Read(new Dictionary<string, string>(), hostName)).Message
            .ShouldBe($"the host name, for VM_NAME=\"{hostName}\": is not a host name; set VM_NAME to at most 63 of a-z, 0-9 and -, with no - at an end");

    [Fact]
    public void Memory_is_a_whole_number_of_mebibytes() => Given.Settings(("VM_MEMORY", "500M")).Machine.MemoryBytes.ShouldBe(476L << 20);

    [Theory]
    [InlineData("15Mi")]
    [InlineData("512m")]
    public void Too_little_memory_is_refused(string text) => Given.Errors(("VM_MEMORY", text)).ShouldHaveSingleItem().ShouldEndWith("is too small; give at least 16Mi");

    [Fact]
    public void The_pc_has_ide_where_q35_has_sata()
    {
        Given.Settings(("VM_MACHINE", "pc"), ("VM_DISK_BUS", "ide")).Disk.Bus.ShouldBe(DiskBus.Ide);
        Given.Errors(("VM_MACHINE", "pc"), ("VM_DISK_BUS", "sata")).ShouldHaveSingleItem().ShouldContain("write virtio or scsi or ide");
    }

    [Fact]
    public void A_long_value_is_told_by_its_beginning() =>
        Given.Errors(("VM_MEMORY", new string('1', 10_000))).ShouldHaveSingleItem().Length.ShouldBeLessThan(300);

    [Fact]
    public void A_command_beside_the_agent_reads_run_dir_alone()
    {
        VmSettingsReader.RunDir(new Dictionary<string, string> { ["RUN_DIR"] = "/run/a", ["VM_MEMORY"] = "lots" }).ShouldBe("/run/a");
        Should.Throw<AgentException>(() => VmSettingsReader.RunDir(new Dictionary<string, string> { ["RUN_DIR"] = "a" })).Message.ShouldContain("begin it with /");
    }
}
