using KvmAgent.Processes;
using KvmAgent.Settings;

namespace KvmAgent.Qemu;

/// <summary>KVM or software, why, and which group QEMU's user needs for it.</summary>
internal sealed record AcceleratorChoice(Accelerator Accelerator, string Reason, IReadOnlyCollection<uint> Groups)
{
    public string Name => Accelerator == Accelerator.Kvm ? "kvm" : "tcg";

    /// <exception cref="AgentException">KVM was demanded and cannot be had.</exception>
    public static AcceleratorChoice Decide(Accelerator wanted, string device)
    {
        if (wanted == Accelerator.Tcg)
        {
            return Software("VM_ACCEL=tcg");
        }

        if (KvmProbe.WhyNot(device) is { } why)
        {
            return wanted == Accelerator.Auto
                ? Software($"no KVM: {why}")
                : throw new AgentException(
                    FailureReason.Missing,
                    $"VM_ACCEL=\"kvm\": {why}; give the pod the device (a device plugin's resource, or privileged), or set VM_ACCEL to auto or tcg");
        }

        return new AcceleratorChoice(Accelerator.Kvm, wanted == Accelerator.Auto ? $"{device} works" : "VM_ACCEL=kvm", GroupsFor(device));
    }

    public static AcceleratorChoice Software(string reason) => new(Accelerator.Tcg, reason, []);

    /// <summary>On most systems the device belongs to a group of its own: joining it leaves the device as it is.</summary>
    private static IReadOnlyCollection<uint> GroupsFor(string device)
    {
        const int readWrite = 6;
        return Native.Stat(device) is { } file && !file.Allows(QemuUser.Id, [QemuUser.Id], readWrite)
            && file.Group != 0 && file.Allows(QemuUser.Id, [file.Group], readWrite)
            ? [file.Group]
            : [];
    }
}
