namespace KvmAgent.Images.Inspect;

/// <summary>What a well-formed qcow2 image from outside must not do: name another file, or ask for what we do not understand.</summary>
internal static class Qcow2Policy
{
    // Dirty, corrupt, data file, compression type, extended L2.
    private const ulong KnownFeatures = 0x1f;

    public static void Demand(Qcow2Header header, string name)
    {
        // CVE-2015-5163, CVE-2015-1851
        if (header.BackingFile is not null)
            throw Refuse($"it names a backing file ('{header.BackingFile}') whose contents it would show to the guest; flatten it: qemu-img convert -O qcow2");
        // CVE-2024-32498, CVE-2024-4467
        if (header.HasDataFile || header.DataFile is not null)
            throw Refuse($"it keeps its data in another file ('{header.DataFile}'); flatten it: qemu-img convert -O qcow2");
        if ((header.IncompatibleFeatures & ~KnownFeatures) is not 0 and var unknown)
            throw Refuse($"it needs features that are not known here (incompatible bits 0x{unknown:x}); convert it: qemu-img convert -O qcow2");
        if (header.CompressionType > 1)
            throw Refuse($"its compression type {header.CompressionType} is not known here; convert it: qemu-img convert -O qcow2");
        if (header.IsCorrupt)
            throw Refuse("it is marked corrupt; repair it (qemu-img check -r all) or fetch a sound copy");
        if (header.Encryption != 0)
            throw Refuse($"it is encrypted (method {header.Encryption}); decrypt it: qemu-img convert -O qcow2");
        if (header.VirtualSize == 0)
            throw Refuse("the disk in it has no size; make it anew");

        ImageException Refuse(string why) => new(ImageFailure.Refused, $"{name} is refused as a disk image: {why}");
    }
}
