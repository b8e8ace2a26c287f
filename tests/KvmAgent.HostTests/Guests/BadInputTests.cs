using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Guests;

/// <summary>Settings, files and pods that no VM can be made of. Images that cannot be had are BadSourceTests'.</summary>
public sealed class BadInputTests : IAsyncLifetime
{
    private static readonly string[] AllCapabilities = ["net_admin", "net_raw", "net_bind_service", "setuid", "setgid", "chown", "mknod"];

    private PodNamespace _pod = null!;
    private (string Name, string Value) _source;

    private string VmDir => Path.Combine(_pod.Directory, "vm");

    public async Task InitializeAsync()
    {
        _pod = await PodNamespace.CreateAsync(new PodOptions());
        _source = ("IMG_SOURCE", await Refusal.ImageAsync(_pod));
    }

    public async Task DisposeAsync() => await _pod.DisposeAsync();

    [Theory]
    [InlineData("kvm-agent: VM_MEMORY=\"lots\": is not a quantity; write for example 512Mi")]
    [InlineData("kvm-agent: IMG_TARGET=\"../a\": is not a plain file name; give a name within IMAGE_DIR")]
    [InlineData("kvm-agent: VM_IP=10.0.0.1 and VM_GW=192.168.254.1 are not the two hosts of one /30 network; take a pair such as")]
    public async Task Wrong_settings_are_told_all_at_once(string line) => await _pod.ShouldFailAsync(
        FailureReason.Settings, [line], [_source, ("VM_MEMORY", "lots"), ("IMG_TARGET", "../a"), ("VM_IP", "10.0.0.1")]);

    [Fact]
    public async Task A_private_network_that_the_pod_uses()
    {
        await _pod.ShouldFailAsync(
            FailureReason.Settings, ["VM_IP=10.244.1.50", "VM_GW=10.244.1.49", "overlaps the pod's address 10.244.1.2/24", "set VM_IP="],
            [_source, ("VM_IP", "10.244.1.50"), ("VM_GW", "10.244.1.49")]);
        await _pod.ShouldStartAsync([_source]);
    }

    [Fact]
    public async Task Malformed_metadata()
    {
        var path = Path.Combine(_pod.Directory, "metadata");
        await File.WriteAllTextAsync(path, "a: 1\nb: [2\n");
        await _pod.ShouldFailAsync(FailureReason.Refused, [$"{path}:3:1: not valid YAML"], [_source, ("METADATA_FILE", path)]);

        await File.WriteAllTextAsync(path, "a: 1\nb: [2]\n");
        await _pod.ShouldStartAsync([_source, ("METADATA_FILE", path)]);
    }

    [Fact]
    public async Task User_data_of_no_bytes_is_a_warning_only()
    {
        var path = Path.Combine(_pod.Directory, "userdata");
        await File.WriteAllTextAsync(path, "");
        await _pod.ShouldStartAsync([_source, ("USERDATA_FILE", path)], $"{path} is empty and is left out");
    }

    [Fact]
    public async Task A_volume_of_the_vm_without_room()
    {
        await using var volume = await SmallVolume.MountAsync(VmDir, "64k");
        await _pod.ShouldFailAsync(FailureReason.Unwritable, [VmDir, "No space left on device"], [_source]);

        await volume.ResizeAsync("16m");
        await _pod.ShouldStartAsync([_source], "made the VM's disk");
    }

    [Fact]
    public async Task A_volume_of_the_vm_that_is_read_only()
    {
        await using var volume = await SmallVolume.MountAsync(VmDir, "16m");
        await File.WriteAllTextAsync(Path.Combine(VmDir, "web.lock"), "");
        await volume.RemountAsync("ro");
        await _pod.ShouldFailAsync(FailureReason.Unwritable, [VmDir, "mount a writable volume there"], [_source]);
    }

    [Fact]
    public async Task A_disk_that_another_agent_holds()
    {
        Directory.CreateDirectory(VmDir);
        using (new FileStream(Path.Combine(VmDir, "web.lock"), FileMode.CreateNew, FileAccess.Write, FileShare.None))
        {
            await _pod.ShouldFailAsync(FailureReason.TryAgain, ["the VM web", VmDir, "in use by another agent", "stop that one"], [_source]);
        }

        await _pod.ShouldStartAsync([_source], "made the VM's disk");
    }

    [Fact]
    public async Task A_disk_that_is_damaged()
    {
        Directory.CreateDirectory(VmDir);
        var disk = Path.Combine(VmDir, "web.qcow2");
        await File.WriteAllTextAsync(disk, "no disk");
        await _pod.ShouldFailAsync(FailureReason.Refused, [disk, "is damaged", "restore it, or move it away"], [_source]);
        (await File.ReadAllTextAsync(disk)).ShouldBe("no disk");

        File.Delete(disk);
        await _pod.ShouldStartAsync([_source], "made the VM's disk");
    }

    [Fact]
    public async Task Vncs_port_is_taken()
    {
        await using (await Socat.ServeAsync(_pod.Pod, "TCP4-LISTEN:5900", Socat.Echo))
        {
            await _pod.ShouldFailAsync(FailureReason.Missing, ["TCP port 5900", "is taken", "set NO_VNC"], [_source]);
            await _pod.ShouldStartAsync([_source, ("NO_VNC", "1")]);
        }
    }

    [Fact]
    public async Task No_tun_and_no_right_to_make_it() => await _pod.ShouldFailAsync(
        FailureReason.Missing, ["/dev/net/tun is missing", "hostPath volume", "device plugin"], [_source],
        [.. Capabilities.After("mount -t tmpfs tmpfs /dev/net"), .. Without("mknod")]);

    [Fact]
    public async Task No_net_admin() => await _pod.ShouldFailAsync(
        FailureReason.Missing, ["NET_ADMIN", "securityContext.capabilities.add"], [_source], Without("net_admin"));

    [Fact]
    public async Task Kvm_demanded_and_no_device()
    {
        var dev = Directory.CreateDirectory(Path.Combine(_pod.Directory, "dev")).FullName;
        var nearlyAll = $"""
            mount -t tmpfs tmpfs {dev} && mkdir {dev}/net && for name in null zero full random urandom net/tun; do
              touch {dev}/$name && mount --bind /dev/$name {dev}/$name || exit 1
            done && mount --rbind {dev} /dev
            """;
        await _pod.ShouldFailAsync(
            FailureReason.Missing, ["VM_ACCEL=\"kvm\": /dev/kvm is not there", "set VM_ACCEL to auto or tcg"], [_source, ("VM_ACCEL", "kvm")],
            Capabilities.After(nearlyAll));
    }

    [Fact]
    public async Task No_dnsmasq()
    {
        var bin = Directory.CreateDirectory(Path.Combine(_pod.Directory, "bin")).FullName;
        foreach (var program in new[] { "dotnet", "ip", "nft", "conntrack", "setpriv", "setsid", "qemu-img", "qemu-system-x86_64" })
        {
            File.CreateSymbolicLink(Path.Combine(bin, program), (await _pod.Pod.RunAsync("which", program)).Trim());
        }

        await _pod.ShouldFailAsync(FailureReason.Missing, ["dnsmasq", "install the package dnsmasq-base"], [_source], "env", $"PATH={bin}");
        await _pod.ShouldStartAsync([_source]);
    }

    private static string[] Without(string capability) => Capabilities.Only([.. AllCapabilities.Where(name => name != capability)]);
}
