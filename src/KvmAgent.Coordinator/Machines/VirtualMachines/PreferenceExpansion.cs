using KvmAgent.Coordinator.Api;

namespace KvmAgent.Coordinator.Machines.VirtualMachines;

/// <summary>Fills what a spec leaves open with what a preference says.</summary>
internal static class PreferenceExpansion
{
    public static VmiSpec Apply(VmiSpec spec, PreferenceSpec preference)
    {
        var domain = spec.Domain;
        return spec with
        {
            TerminationGracePeriodSeconds = spec.TerminationGracePeriodSeconds ?? preference.PreferredTerminationGracePeriodSeconds,
            Domain = domain with
            {
                Devices = preference.Devices is { } devices ? Apply(domain.Devices, devices) : domain.Devices,
                Firmware = preference.Firmware is { } firmware ? Apply(domain.Firmware, firmware) : domain.Firmware,
                Machine = domain.Machine?.Type is null or "" && preference.Machine?.PreferredMachineType is { Length: > 0 } type
                    ? new MachineSpec { Type = type }
                    : domain.Machine,
            },
        };
    }

    private static Devices? Apply(Devices? devices, PreferredDevices preferred) => devices is null ? null : devices with
    {
        Disks = devices.Disks?.Select(d => Apply(d, preferred)).ToList(),
        Interfaces = devices.Interfaces?.Select(i => i with { Model = i.Model ?? preferred.PreferredInterfaceModel }).ToList(),
    };

    private static Disk Apply(Disk disk, PreferredDevices preferred)
    {
        if (disk.Cdrom is { } cdrom)
        {
            return disk with { Cdrom = cdrom with { Bus = cdrom.Bus ?? preferred.PreferredCdromBus } };
        }

        // What is neither, nor something that we do not know, is a disk.
        if (disk.AsDisk is null && disk.Unknown is { Count: > 0 })
        {
            return disk;
        }

        var target = disk.AsDisk ?? new DiskTarget();
        return disk with
        {
            AsDisk = target with { Bus = target.Bus ?? preferred.PreferredDiskBus },
            Cache = disk.Cache ?? preferred.PreferredDiskCache,
            Io = disk.Io ?? preferred.PreferredDiskIO,
        };
    }

    /// <summary>Nothing where the machine has named a boot loader; preferredEfi before the older fields.</summary>
    private static FirmwareSpec? Apply(FirmwareSpec? firmware, PreferredFirmware preferred)
    {
        if (firmware?.Bootloader is { Bios: not null } or { Efi: not null })
        {
            return firmware;
        }

        var bootloader = preferred switch
        {
            { PreferredUseBios: true } => new Bootloader { Bios = new Bios() },
            { PreferredEfi: { } efi } => new Bootloader { Efi = efi },
            { PreferredUseEfi: true } => new Bootloader { Efi = new Efi { SecureBoot = preferred.PreferredUseSecureBoot } },
            _ => null,
        };
        return bootloader is null ? firmware : (firmware ?? new FirmwareSpec()) with { Bootloader = bootloader };
    }
}
