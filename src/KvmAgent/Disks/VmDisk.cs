using KvmAgent.Images;
using KvmAgent.Images.Inspect;
using KvmAgent.Processes;
using KvmAgent.Settings;

namespace KvmAgent.Disks;

/// <summary>
/// The VM's own disk, <c>VM_DIR/NAME.qcow2</c>: an overlay on a base image, or blank. Made once, whole or not at all; used as it is ever
/// after, once it has shown that its base is the one it was made on. The caller holds the VM's lock.
/// </summary>
internal sealed class VmDisk(string directory, string name)
{
    private readonly string _record = Path.Combine(directory, $"{name}.json");

    public string FilePath { get; } = Path.Combine(directory, $"{name}.qcow2");

    /// <param name="image">The base; null for a blank disk.</param>
    /// <param name="size">The size wanted, in bytes; null: the base's.</param>
    /// <param name="cancel">Leaves nothing half-made.</param>
    /// <returns>Whether it was made now.</returns>
    /// <exception cref="AgentException">It cannot be made, or must not be used.</exception>
    public async Task<bool> PrepareAsync(BaseImage? image, long? size, CancellationToken cancel)
    {
        if (!File.Exists(FilePath))
        {
            await CreateAsync(image, size, cancel).ConfigureAwait(false);
            return true;
        }

        var header = ReadHeader();
        CheckBase(image, header);
        if (size > header.VirtualSize)
        {
            await ProcessRunner.RunAsync(
                "qemu-img", ["resize", "-q", "-f", "qcow2", FilePath, $"{size}"], failure: FailureReason.Unwritable, cancel: cancel).ConfigureAwait(false);
        }
        else if (size < header.VirtualSize)
        {
            throw TooSmall(size.Value, header.VirtualSize, FilePath);
        }

        return false;
    }

    private async Task CreateAsync(BaseImage? image, long? size, CancellationToken cancel)
    {
        if (image is not null && size < image.VirtualSize)
        {
            throw TooSmall(size.Value, image.VirtualSize, image.Path);
        }

        var temporary = DurableFile.TemporaryFor(FilePath);
        string[] backing = image is null ? [] : ["-F", image.Format.QemuDriver(), "-b", image.Path];
        string[] wanted = size is null ? [] : [$"{size}"];
        try
        {
            await ProcessRunner.RunAsync(
                "qemu-img",
                ["create", "-q", "-f", "qcow2", .. backing, temporary, .. wanted],
                failure: FailureReason.Unwritable,
                cancel: cancel).ConfigureAwait(false);
            new OverlayRecord(image is null ? null : Path.GetFileName(image.Path), image?.Digest).Write(_record);
            DurableFile.Publish(temporary, FilePath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AgentException(
                FailureReason.Unwritable, $"the VM's disk {FilePath} cannot be made: {e.Message}; free space on {directory} or mount a writable volume there", e);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private Qcow2Header ReadHeader()
    {
        Qcow2Header header;
        try
        {
            header = Qcow2Header.Read(FilePath);
        }
        catch (ImageException e)
        {
            throw new AgentException(
                FailureReason.Refused, $"the VM's disk {FilePath} is damaged: {e.Message}; restore it, or move it away to start from a fresh one", e);
        }

        return header.IsCorrupt
            ? throw new AgentException(
                FailureReason.Refused, $"the VM's disk {FilePath} is marked corrupt; try `qemu-img check -r all {FilePath}`, or restore it")
            : header.HasDataFile
            ? throw new AgentException(FailureReason.Refused, $"the VM's disk {FilePath} names a data file, which no disk of ours does; move it away")
            : header;
    }

    private void CheckBase(BaseImage? image, Qcow2Header header)
    {
        var made = OverlayRecord.Read(_record) ?? Adopt(image, header);
        if (made.Digest != image?.Digest)
        {
            throw new AgentException(
                FailureReason.Refused,
                $"the VM's disk {FilePath} was made on {Describe(made.Base, made.Digest)}, but the base is now "
                + $"{Describe(image is null ? null : Path.GetFileName(image.Path), image?.Digest)}; "
                + $"set {Setting.ImgTarget.Name} to the base it was made on, or move the disk away to start from a fresh one");
        }
    }

    /// <summary>A disk from before there were records: it names its base, and only the name can be compared.</summary>
    private OverlayRecord Adopt(BaseImage? image, Qcow2Header header)
    {
        var named = header.BackingFile is { } path ? Path.GetFileName(path) : null;
        if (named != (image is null ? null : Path.GetFileName(image.Path)))
        {
            return new OverlayRecord(named, null);
        }

        var record = new OverlayRecord(named, image?.Digest);
        record.Write(_record);
        return record;
    }

    private static string Describe(string? name, string? digest) => name is null ? "no base" : $"{name} ({digest ?? "digest unknown"})";

    private static AgentException TooSmall(long wanted, long actual, string path) => new(
        FailureReason.Settings,
        $"{Setting.VmDiskSize.Name}=\"{Quantity.Format(wanted)}\": {path} has {Quantity.Format(actual)} already, and a disk is never made smaller; give at least that");
}
