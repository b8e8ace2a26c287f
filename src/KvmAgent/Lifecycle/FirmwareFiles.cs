using KvmAgent.Disks;
using KvmAgent.Qemu;
using KvmAgent.Settings;

namespace KvmAgent.Lifecycle;

/// <summary>UEFI: code that all VMs share, and the VM's own variables (boot entries, keys), kept beside its disk.</summary>
internal sealed record FirmwareFiles(string Code, string Variables)
{
    /// <returns>Null for BIOS.</returns>
    public static FirmwareFiles? Names(VmSettings settings, HostPaths paths) => settings.Machine.Firmware == Firmware.Bios
        ? null
        : new FirmwareFiles(Path.Combine(paths.Firmware, "OVMF_CODE_4M.fd"), Path.Combine(settings.VmDir, $"{settings.Name}.efivars"));

    /// <summary>Makes the VM's variables where it has none yet.</summary>
    /// <returns>Null for BIOS.</returns>
    public static FirmwareFiles? Prepare(VmSettings settings, HostPaths paths)
    {
        if (Names(settings, paths) is not { } files)
        {
            return null;
        }

        var template = Path.Combine(paths.Firmware, "OVMF_VARS_4M.fd");
        if (!File.Exists(files.Code) || !File.Exists(template))
        {
            throw new AgentException(
                FailureReason.Missing, $"{Setting.VmFirmware.Name}=\"uefi\": {files.Code} is not there; install the package ovmf, or use the agent's image");
        }

        if (!File.Exists(files.Variables))
        {
            DurableFile.Write(files.Variables, target =>
            {
                using var source = File.OpenRead(template);
                source.CopyTo(target);
            });
        }

        QemuUser.Grant(files.Variables, write: true);
        return files;
    }
}
