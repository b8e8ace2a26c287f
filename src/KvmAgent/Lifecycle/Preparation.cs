using KvmAgent.ConfigDrive;
using KvmAgent.Disks;
using KvmAgent.Images;
using KvmAgent.Network;
using KvmAgent.Qemu;
using KvmAgent.Settings;
using KvmAgent.Status;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Lifecycle;

/// <summary>All that stands before QEMU can be started; the network's rules may still be under way.</summary>
/// <param name="Rules">Completes when the guest may run.</param>
internal sealed record Prepared(NetworkPlan Network, BaseImage? Image, IReadOnlyList<PlannedDisk> Disks, FirmwareFiles? Firmware, string? VncPassword, Task Rules);

/// <summary>
/// Makes network, disks and config drive. They do not depend on each other and are made side by side; only QEMU needs all of them, and
/// it does not need the network's rules yet, as the guest's CPUs are still stopped when it starts. Every step says how to undo it before
/// it begins; the first failure cancels the others.
/// </summary>
internal sealed class Preparation(VmSettings settings, HostPaths paths, UndoStack undo, StatusBoard board, FetchLog fetchLog, ILoggerFactory logs, TimeProvider time)
{
    public static string VncPasswordIn(string runDir) => Path.Combine(runDir, "vnc-password");

    public async Task<Prepared> RunAsync(CancellationToken cancel)
    {
        using var failure = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var layout = DiskLayout.Decide(settings, paths);
        var network = Guard(MakeNetworkAsync(failure.Token));
        var drive = Guard(Task.Run(MakeConfigDrive, failure.Token));
        var cdrom = Guard(FetchCdromAsync(failure.Token));
        var disk = Guard(MakeDiskAsync(layout, failure.Token));
        var blank = Guard(MakeBlankDisksAsync(failure.Token));
        var made = Guard(Task.Run(MakeFilesDisks, failure.Token));
        Task[] all = [network, drive, cdrom, disk, blank, made];
        try
        {
            await Task.WhenAll(all).ConfigureAwait(false);
        }
        catch
        {
            // What stopped the others, not what was stopped by it.
            var reason = all.Select(t => t.Exception?.InnerException).FirstOrDefault(e => e is not (null or OperationCanceledException));
            if (reason is not null)
            {
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(reason);
            }

            throw;
        }

        var (root, image) = await disk.ConfigureAwait(false);
        var files = new DiskFiles(
            root,
            image is null ? null : DiskPlan.Below(image),
            await cdrom.ConfigureAwait(false),
            await blank.ConfigureAwait(false),
            await made.ConfigureAwait(false),
            await drive.ConfigureAwait(false));
        var disks = DiskPlan.Create(settings, layout, files);
        foreach (var planned in disks.Where(d => d.Id != "config-drive"))
        {
            QemuUser.Grant(planned.Path, write: !planned.ReadOnly);
        }

        if (image is not null)
        {
            QemuUser.Grant(image.Path, write: false);
        }

        var (plan, rules) = await network.ConfigureAwait(false);
        return new Prepared(plan, image, disks, FirmwareFiles.Prepare(settings, paths), CopyVncPassword(), rules);

        async Task<T> Guard<T>(Task<T> step)
        {
            try
            {
                return await step.ConfigureAwait(false);
            }
            catch
            {
                await failure.CancelAsync().ConfigureAwait(false);
                throw;
            }
        }
    }

    private async Task<(NetworkPlan Plan, Task Rules)> MakeNetworkAsync(CancellationToken cancel)
    {
        var pod = await PodNetwork.DiscoverAsync(paths, cancel).ConfigureAwait(false);
        var plan = NetworkPlan.Create(NetworkRequests.From(settings), pod);
        var network = new VmNetwork(plan, paths, time, logs.CreateLogger<VmNetwork>());
        undo.Push("the network", network.UndoAsync);
        network.LeasesChanged += leases => board.Update(
            s => s.Network is { } known ? s with { Network = known with { LeaseGiven = leases.Count > 0 } } : s);
        await network.CreateLinksAsync(cancel).ConfigureAwait(false);
        QemuUser.Grant(paths.Tun, write: true);
        return (plan, network.CreateRulesAsync(CancellationToken.None));
    }

    private string? MakeConfigDrive()
    {
        if (ConfigDriveFiles.ReadTree(settings) is not { } tree)
        {
            return null;
        }

        var path = ConfigDriveFiles.PathIn(settings.RunDir);
        undo.Push("the config drive", () => File.Delete(path));
        ConfigDriveIso.Write(tree, path, QemuUser.GiveOwn);
        fetchLog.Warn(tree.Warnings);
        return path;
    }

    private async Task<(string? Path, BaseImage? Image)> MakeDiskAsync(DiskLayout layout, CancellationToken cancel)
    {
        if (layout.Root is not (RootDisk.Overlay or RootDisk.Blank))
        {
            return (null, null);
        }

        var image = layout.Root is RootDisk.Overlay ? await BaseImages.EnsureAsync(settings, fetchLog, time, cancel).ConfigureAwait(false) : null;
        var disk = new VmDisk(settings.VmDir, settings.Name);
        if (await disk.PrepareAsync(image, settings.Disk.Size, cancel).ConfigureAwait(false))
        {
            fetchLog.DiskMade(disk.FilePath, image?.Path ?? "nothing");
        }

        return (disk.FilePath, image);
    }

    private async Task<IReadOnlyDictionary<string, string>> MakeBlankDisksAsync(CancellationToken cancel)
    {
        var made = new Dictionary<string, string>();
        foreach (var extra in settings.ExtraDisks.Where(d => d.Size is not null))
        {
            var disk = new VmDisk(settings.VmDir, $"{settings.Name}-{extra.Name}");
            await disk.PrepareAsync(null, extra.Size, cancel).ConfigureAwait(false);
            made[extra.Name] = disk.FilePath;
        }

        return made;
    }

    private Dictionary<string, string> MakeFilesDisks()
    {
        var made = new Dictionary<string, string>();
        foreach (var extra in settings.ExtraDisks.Where(d => d.Files is not null))
        {
            var path = FilesDisk.PathIn(settings.RunDir, extra.Name);
            undo.Push($"the disk {extra.Name}", () => File.Delete(path));
            ConfigDriveIso.Write(FilesDisk.ReadTree(extra.Files!), path, QemuUser.GiveOwn);
            made[extra.Name] = path;
        }

        return made;
    }

    private async Task<string?> FetchCdromAsync(CancellationToken cancel) => settings.Disk.Cdrom switch
    {
        null => null,
        ['/', ..] path => File.Exists(path)
            ? path
            : throw new AgentException(FailureReason.Settings, $"{Setting.VmCdrom.Name}=\"{path}\": there is no such file; mount it there"),
        var url => await BaseImages.EnsureCdromAsync(settings, url, fetchLog, time, cancel).ConfigureAwait(false),
    };

    /// <summary>The password's file may be readable by root alone, and may end in a newline: QEMU gets a copy of its own.</summary>
    private string? CopyVncPassword()
    {
        if (!settings.Network.Vnc || settings.Network.VncPasswordFile is not { } file)
        {
            return null;
        }

        var path = VncPasswordIn(settings.RunDir);
        undo.Push("the VNC password", () => File.Delete(path));
        File.Delete(path);
        File.WriteAllBytes(path, NetworkReader.ReadPassword(file));
        QemuUser.GiveOwn(path);
        return path;
    }
}
