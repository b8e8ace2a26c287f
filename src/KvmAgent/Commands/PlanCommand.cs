using System.CommandLine;
using KvmAgent.ConfigDrive;
using KvmAgent.Disks;
using KvmAgent.Images;
using KvmAgent.Images.Inspect;
using KvmAgent.Lifecycle;
using KvmAgent.Network;
using KvmAgent.Qemu;
using KvmAgent.Settings;

namespace KvmAgent.Commands;

/// <summary><c>kvm-agent plan</c>: all that <c>run</c> would do, as text; it looks and touches nothing.</summary>
internal static class PlanCommand
{
    public static Command Create()
    {
        var command = new Command("plan", "Print everything that run would do; touch nothing.");
        command.SetAction((_, cancel) => CommandLine.GuardAsync(() => RunAsync(cancel)));
        return command;
    }

    private static async Task<int> RunAsync(CancellationToken cancel)
    {
        var (settings, warnings) = VmSettingsReader.Read(CommandLine.Environment(), Environment.MachineName);
        var paths = HostPaths.FromEnvironment();
        var network = NetworkPlan.Create(NetworkRequests.From(settings), await PodNetwork.DiscoverAsync(paths, cancel).ConfigureAwait(false));
        var tree = ConfigDriveFiles.ReadTree(settings);
        var accelerator = AcceleratorChoice.Decide(settings.Machine.Accelerator, paths.Kvm);
        var machine = Describe(settings, paths, network, accelerator, tree is not null);

        Section("settings", [SettingsSummary.Of(settings), .. warnings.Concat(network.Warnings).Concat(tree?.Warnings ?? []).Select(w => $"warning: {w}")]);
        Section("links (ip -batch)", [network.Links]);
        Section("rules (nft -f)", [network.Ruleset]);
        Section("dnsmasq.conf", [network.Dnsmasq]);
        Section(
            $"config drive{(tree is null ? "" : $" (label {tree.Label})")}",
            tree is null ? ["none"] : tree.Files.Select(f => $"{f.Path}, {f.Content.Length} bytes"));
        Section("disks", machine.Disks.Select(d => $"{d.Id}: {d.Format} {d.Path}{(d.Base is { } below ? $" on {below.Format} {below.Path}" : "")}"));
        Section($"QEMU, as user {QemuUser.Id}, with {accelerator.Name} ({accelerator.Reason})", [ShellWords.Join([QemuArguments.Program, .. QemuArguments.Build(machine)])]);
        return 0;
    }

    private static QemuMachine Describe(VmSettings settings, HostPaths paths, NetworkPlan network, AcceleratorChoice accelerator, bool drive)
    {
        var layout = DiskLayout.Decide(settings, paths);
        var files = new DiskFiles(
            layout.Root is RootDisk.Overlay or RootDisk.Blank ? new VmDisk(settings.VmDir, settings.Name).FilePath : null,
            layout.Root is RootDisk.Overlay overlay ? Below(settings, overlay) : null,
            settings.Disk.Cdrom is { } cdrom ? (cdrom[0] == '/' ? cdrom : Path.Combine(settings.ImageDir, BaseImages.CdromName(cdrom))) : null,
            settings.ExtraDisks.Where(d => d.Size is not null).ToDictionary(d => d.Name, d => new VmDisk(settings.VmDir, $"{settings.Name}-{d.Name}").FilePath),
            settings.ExtraDisks.Where(d => d.Files is not null).ToDictionary(d => d.Name, d => FilesDisk.PathIn(settings.RunDir, d.Name)),
            drive ? ConfigDriveFiles.PathIn(settings.RunDir) : null);
        var firmware = FirmwareFiles.Names(settings, paths);
        return new QemuMachine(
            settings,
            accelerator.Accelerator,
            settings.Machine.Uuid ?? InstanceId.FromIdentity(settings.Namespace, settings.Name),
            DiskPlan.Create(settings, layout, files),
            BridgeLinks.Tap,
            network.Mtu,
            firmware?.Code,
            firmware?.Variables,
            settings.Network is { Vnc: true, VncPasswordFile: not null } ? Preparation.VncPasswordIn(settings.RunDir) : null,
            new QemuSockets(settings.RunDir));
    }

    /// <summary>The base where it is, or where it will be; before it was fetched nobody knows its format, and qcow2 is what most are.</summary>
    private static DiskBase Below(VmSettings settings, RootDisk.Overlay overlay)
    {
        var path = Path.Combine(settings.ImageDir, overlay.BaseName);
        try
        {
            return new DiskBase(path, File.Exists(path) ? ImageInspector.Inspect(path, ImageFormatNames.ForGuests).Format.QemuDriver() : ImageFormat.Qcow2.QemuDriver());
        }
        catch (ImageException e)
        {
            throw new AgentException(FailureReason.Refused, e.Message, e);
        }
    }

    private static void Section(string title, IEnumerable<string> lines)
    {
        Console.WriteLine($"# {title}");
        foreach (var line in lines)
        {
            Console.WriteLine(line.TrimEnd());
        }

        Console.WriteLine();
    }
}
