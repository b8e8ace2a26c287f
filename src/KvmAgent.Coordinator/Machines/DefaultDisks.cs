using KvmAgent.Coordinator.Api;

namespace KvmAgent.Coordinator.Machines;

/// <summary>A volume that no disk names becomes a disk all the same, as in KubeVirt.</summary>
internal static class DefaultDisks
{
    public static VmiSpec AddTo(VmiSpec spec)
    {
        var disks = spec.Domain.Devices?.Disks ?? [];
        var named = disks.Select(static d => d.Name).ToHashSet();
        List<Disk> missing = [.. (spec.Volumes ?? []).Select(static v => v.Name).Distinct().Where(n => !named.Contains(n)).Select(static n => new Disk { Name = n })];
        return missing.Count == 0
            ? spec
            : spec with { Domain = spec.Domain with { Devices = (spec.Domain.Devices ?? new Devices()) with { Disks = [.. disks, .. missing] } } };
    }
}
