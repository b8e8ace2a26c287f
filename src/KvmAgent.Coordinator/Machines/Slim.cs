using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Machines;

/// <summary>Objects as the cache keeps them: without what nobody reads, which is most of a pod. None of them is ever written back whole.</summary>
internal static class Slim
{
    public static VirtualMachine Machine(VirtualMachine vm) => vm with { Metadata = Meta(vm.Metadata) };

    public static VirtualMachineInstance Instance(VirtualMachineInstance instance) => instance with { Metadata = Meta(instance.Metadata) };

    public static Pod Pod(Pod pod) => pod with
    {
        Metadata = Meta(pod.Metadata),
        Spec = new PodSpec { NodeName = pod.Spec?.NodeName },
        Status = pod.Status is { } status ? status with { Unknown = null } : null,
    };

    public static DataVolume Volume(DataVolume volume) => volume with { Metadata = Meta(volume.Metadata) };

    public static DataSource Source(DataSource source) => source with { Metadata = Meta(source.Metadata) };

    public static DataImportCron Cron(DataImportCron cron) => cron with { Metadata = Meta(cron.Metadata) };

    public static PersistentVolumeClaim Claim(PersistentVolumeClaim claim) => claim with
    {
        Metadata = Meta(claim.Metadata) with { Labels = null, Annotations = ClaimContent.Annotations(claim.Metadata) },
        Spec = claim.Spec is { } spec ? spec with { Unknown = null } : null,
        Status = new PersistentVolumeClaimStatus { Phase = claim.Status?.Phase, Capacity = claim.Status?.Capacity },
    };

    /// <summary>What is not known of metadata is who wrote which field, mostly; a JSON document each.</summary>
    private static ObjectMeta Meta(ObjectMeta meta) => meta with { Unknown = null };
}
