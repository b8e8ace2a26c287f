using KvmAgent.Processes;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Qemu;

/// <summary>
/// Whether KVM can be had: the device is there, can be opened, speaks the one API version there is, and makes a VM. That still does not
/// prove that a guest runs: under a broken nested KVM it may crash QEMU or hang. QEMU's start and <c>ProgressWatch</c> find that out.
/// </summary>
internal static class KvmProbe
{
    // include/uapi/linux/kvm.h
    private const nuint GetApiVersion = 0xAE00, CreateVm = 0xAE01;
    private const int ApiVersion = 12;

    /// <returns>Null where KVM can be had; otherwise why not.</returns>
    public static string? WhyNot(string device)
    {
        if (!File.Exists(device))
        {
            return $"{device} is not there";
        }

        try
        {
            using var kvm = File.OpenHandle(device, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            if (Native.Ioctl(kvm, GetApiVersion, 0) != ApiVersion)
            {
                return $"{device} does not speak KVM";
            }

            using var vm = new SafeFileHandle(Native.Ioctl(kvm, CreateVm, 0), ownsHandle: true);
            return vm.IsInvalid ? $"{device} makes no VM: {Native.LastError()}" : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{device} cannot be opened: {e.Message}";
        }
    }
}
