using System.Globalization;
using KvmAgent.HostTests.Support;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Guests;

/// <summary>The machines beside the default one, each with a guest that boots on it.</summary>
public sealed class MachineTests : IAsyncLifetime
{
    private const int BootPartition = 1 << 20;

    private PodNamespace _pod = null!;

    public async Task InitializeAsync() => _pod = await PodNamespace.CreateAsync(new PodOptions());

    public async Task DisposeAsync() => await _pod.DisposeAsync();

    /// <param name="setting">Its name.</param>
    /// <param name="value">Its value.</param>
    /// <param name="command">For the guest's shell.</param>
    /// <param name="answer">What it says on such a machine alone.</param>
    [Theory]
    [InlineData("VM_DISK_BUS", "scsi", "ls -1 /sys/block", "sda")]
    [InlineData("VM_DISK_CACHE", "none", "cat /sys/block/vda/queue/write_cache", "write back")]
    [InlineData("VM_MACHINE", "pc", "cat /sys/class/dmi/id/product_name", "Standard PC (i440FX + PIIX, 1996)")]
    [InlineData("VM_FIRMWARE", "uefi", "ls -1 /sys/firmware/efi", "runtime")]
    [InlineData("CONFIG_DRIVE", "nocloud", "ls -1 /config", "user-data")]
    [InlineData("VM_CPUS", "2", "nproc", "2")]
    public async Task A_guest_boots_with(string setting, string value, string command, string answer)
    {
        await using var agent = await StartAsync((setting, value));
        (await AskAsync(agent, command)).ShouldContain(answer);
        (await _pod.GetAsync("/user-data")).ShouldContain("# of this machine");
    }

    /// <summary>The guest's kernel has no driver for SATA: its firmware has, and the system is in memory.</summary>
    [Fact]
    public async Task A_guest_boots_from_sata()
    {
        await using var agent = await StartAsync(("VM_DISK_BUS", "sata"));
        (await AskAsync(agent, "ls -1 /sys/block")).ShouldNotContain(disk => disk.StartsWith("vd", StringComparison.Ordinal));
    }

    /// <summary>With KVM where it works. Where it only seems to, QEMU or the guest does not come up with it, and the agent goes on without.</summary>
    [Fact]
    public async Task A_guest_boots_with_what_acceleration_there_is()
    {
        await using var agent = await StartAsync(("VM_ACCEL", "auto"));
        var machine = (await agent.StatusAsync()).Machine!;
        machine.Accelerator.ShouldBe(File.Exists("/dev/kvm") && !agent.Lines.Any(l => l.Contains("KVM does not work here", StringComparison.Ordinal)) ? "kvm" : "tcg");
        machine.AcceleratorReason.ShouldNotBeEmpty();
    }

    [Fact]
    public async Task A_guest_boots_in_huge_pages()
    {
        const string Pool = "/proc/sys/vm/nr_hugepages";
        const int Pages = 128;
        var before = int.Parse(await File.ReadAllTextAsync(Pool), CultureInfo.InvariantCulture);
        await File.WriteAllTextAsync(Pool, $"{before + Pages}");
        try
        {
            var spec = Path.Combine(_pod.Directory, "spec.yaml");
            await File.WriteAllTextAsync(spec, "memory: {hugepages: 2Mi}\ncpu: {cores: 2, threads: 2}\nnic: {queues: 2}\n");
            await using var agent = await StartAsync(("VM_SPEC_FILE", spec));
            (await AskAsync(agent, "nproc")).ShouldContain("4");
            (await AskAsync(agent, "ls -1 /sys/class/net/eth0/queues")).ShouldContain("rx-1");
            var maps = await File.ReadAllLinesAsync($"/proc/{(await agent.StatusAsync()).Machine!.QemuPid}/smaps");
            maps.ShouldContain(line => line.StartsWith("KernelPageSize:", StringComparison.Ordinal) && line.EndsWith(" 2048 kB", StringComparison.Ordinal));
        }
        finally
        {
            await File.WriteAllTextAsync(Pool, $"{before}");
        }
    }

    [Fact]
    public async Task A_blank_disk_is_installed_to_from_a_cdrom()
    {
        await using var agent = AgentProcess.Start(_pod, new Dictionary<string, string>
        {
            ["VM_CDROM"] = await InstallerAsync(),
            ["VM_DISK_SIZE"] = "3Gi",
        });
        await agent.WaitForLineAsync("test-guest: ready");
        (await AskAsync(agent, "cat /sys/block/vda/size")).ShouldContain($"{(3L << 30) / 512}");
        (await _pod.GetAsync("/status.json")).ShouldContain("192.168.254.2");
    }

    private async Task<AgentProcess> StartAsync(params (string Name, string Value)[] environment)
    {
        var userdata = Path.Combine(_pod.Directory, "userdata");
        await File.WriteAllTextAsync(userdata, "#cloud-config\n# of this machine\n");
        var agent = await LifeOfAGuestTests.StartAsync(_pod, [("USERDATA_FILE", userdata), .. environment]);
        await LifeOfAGuestTests.UpAsync(agent);
        return agent;
    }

    /// <summary>What a command says on the guest's console, line by line.</summary>
    internal static async Task<string[]> AskAsync(AgentProcess agent, string command)
    {
        const string Console = "console| ";
        var from = agent.Lines.Length;
        await agent.CommandAsync(["console"], $"{command}; echo an''swered\n");
        await agent.WaitForLineAsync("answered", from);
        return [.. agent.Lines.Skip(from).Where(line => line.Contains(Console, StringComparison.Ordinal)).Select(line => line[(line.IndexOf(Console, StringComparison.Ordinal) + Console.Length)..])];
    }

    /// <summary>An ISO that boots the test guest's system: what an installer is, as far as the machine is concerned.</summary>
    private async Task<string> InstallerAsync()
    {
        var tree = Directory.CreateDirectory(Path.Combine(_pod.Directory, "installer")).FullName;
        var raw = Path.Combine(_pod.Directory, "boot.raw");
        var iso = Path.Combine(_pod.Directory, "installer.iso");
        await ProcessRunner.RunAsync("qemu-img", ["convert", "-O", "raw", await TestGuest.ImageAsync(), raw]);
        await ProcessRunner.RunAsync("mcopy", ["-i", $"{raw}@@{BootPartition}", "::/vmlinuz", "::/initramfs", tree]);
        await ProcessRunner.RunAsync("mcopy", ["-i", $"{raw}@@{BootPartition}", "::/syslinux.cfg", Path.Combine(tree, "isolinux.cfg")]);
        File.Copy("/usr/lib/ISOLINUX/isolinux.bin", Path.Combine(tree, "isolinux.bin"));
        File.Copy("/usr/lib/syslinux/modules/bios/ldlinux.c32", Path.Combine(tree, "ldlinux.c32"));
        await ProcessRunner.RunAsync("xorriso", [
            "-as", "mkisofs", "-quiet", "-o", iso, "-b", "isolinux.bin", "-c", "boot.cat", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", tree]);
        return iso;
    }
}
