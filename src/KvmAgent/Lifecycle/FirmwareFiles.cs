using KvmAgent.Disks;
using KvmAgent.Qemu;
using KvmAgent.Settings;

namespace KvmAgent.Lifecycle;

/// <summary>UEFI: code that all VMs share, and the VM's own variables (boot entries, keys), kept beside its disk.</summary>
internal sealed record FirmwareFiles(string Code, string Variables)
{
    /// <returns>Null for BIOS.</returns>
    public static FirmwareFiles? Prepare(VmSettings settings, HostPaths paths)
    {
        if (settings.Machine.Firmware == Firmware.Bios)
        {
            return null;
        }

        var code = Path.Combine(paths.Firmware, "OVMF_CODE_4M.fd");
        var template = Path.Combine(paths.Firmware, "OVMF_VARS_4M.fd");
        if (!File.Exists(code) || !File.Exists(template))
        {
            throw new AgentException(
                FailureReason.Missing, $"{Setting.VmFirmware.Name}=\"uefi\": {code} is not there; install the package ovmf, or use the agent's image");
        }

        var variables = Path.Combine(settings.VmDir, $"{settings.Name}.efivars");
        if (!File.Exists(variables))
        {
            DurableFile.Write(variables, target =>
            {
                using var source = File.OpenRead(template);
                source.CopyTo(target);
            });
        }

        QemuUser.Grant(variables, write: true);
        return new FirmwareFiles(code, variables);
    }
}
