using KvmAgent.Images.Store;

namespace KvmAgent.Images.Conversion;

/// <summary>Turns how qemu-img failed into what a person can act on.</summary>
internal static class QemuImgFault
{
    // What prlimit ends with where it cannot start the program: found but not executable, not found.
    private const int NotExecutable = 126, NotFound = 127;

    // As a shell says it: 128 + signal.
    private const int Aborted = 128 + 6, Killed = 128 + 9, OutOfCpuTime = 128 + 24, FileTooLong = 128 + 25;

    // Less than one piece that is written at once.
    private const int LeastFree = 64 * 1024;

    public static ImageException Of(QemuImgConversion work, int code, string error)
    {
        var said = work.Named(string.Join("; ", error.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)));
        var (source, target) = (work.Source.Name, work.TargetName);
        return code switch
        {
            // The loader ends with the same code as prlimit.
            NotFound when Says("failed to map segment") => Limit($"{work.AddressSpace} bytes of address space"),
            NotFound or NotExecutable => new(ImageFailure.Missing, $"qemu-img cannot be started: {said}; install qemu-utils"),
            OutOfCpuTime => Limit($"{work.CpuTime} s of CPU time"),
            FileTooLong => Limit($"{work.FileSize} bytes written"),
            Killed => new(ImageFailure.Refused,
                $"qemu-img was killed from outside while it converted {source}, perhaps because memory ran out; give it more memory and try again"),
            _ when Says("Cannot allocate memory") || code == Aborted && Says("Resource temporarily unavailable") => Limit($"{work.AddressSpace} bytes of address space"),
            > 128 => new(ImageFailure.Refused, $"qemu-img was ended by signal {code - 128} while it converted {source}: {said}; check the image"),
            // QEMU's VMDK driver says "Invalid argument" where the volume is full.
            _ when Says("No space left on device") || Says("Disk quota exceeded") || Says("error while writing") && IsFull(target) =>
                StorageFault.From(new IOException(said, Libc.NoSpace), target),
            _ when Says("File too large") => StorageFault.From(new IOException(said, Libc.TooLarge), target),
            _ when Says("lock") && Says("Is another process using the image") =>
                new(ImageFailure.Unavailable, $"{source} is in use: {said}; power off the VM that has it"),
            _ when Says("error while writing") => new(ImageFailure.Unwritable, $"{target} cannot be written: {said}; check the volume"),
            _ when work.Credentials is not null => new(ImageFailure.Unavailable, $"{source} broke off: {said}; it begins anew"),
            _ => new(ImageFailure.Refused, $"qemu-img cannot make {target} of {source} (exit code {code}): {said}; check the image (qemu-img check)"),
        };

        static bool IsFull(string path) => new DriveInfo(Path.GetDirectoryName(path)!).AvailableFreeSpace < LeastFree;

        bool Says(string text) => said.Contains(text, StringComparison.Ordinal);

        ImageException Limit(string what) => new(ImageFailure.Refused,
            $"qemu-img met its limit of {what} while it converted {source}, more than a sound disk of {work.Size} bytes needs; check the image");
    }
}
