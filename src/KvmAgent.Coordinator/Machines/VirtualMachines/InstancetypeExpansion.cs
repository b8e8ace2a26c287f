using System.Globalization;
using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Machines.VirtualMachines;

/// <summary>
/// A machine's template with the instancetype and the preference that it names, by KubeVirt's rules: what an instancetype says, the
/// machine may not say too; a preference only fills what both leave open, and says in which form an instancetype's CPUs come.
/// </summary>
internal static class InstancetypeExpansion
{
    private const string Cpu = "cpu", Memory = "memory";

    /// <param name="instancetype">Null: the one that the machine names is not there, or it names none.</param>
    /// <param name="preference">Likewise.</param>
    /// <returns>The whole spec, or the reason and the message of what is in its way.</returns>
    public static (VmiSpec? Spec, (string Reason, string Message)? Problem) Expand(VirtualMachine vm, InstancetypeSpec? instancetype, PreferenceSpec? preference)
    {
        if (vm.Spec!.Instancetype is { } type && instancetype is null)
        {
            return (null, ("FailedFindInstancetype", Missing(type, "instancetype", "VirtualMachineClusterInstancetype")));
        }

        if (vm.Spec.Preference is { } wish && preference is null)
        {
            return (null, ("FailedFindPreference", Missing(wish, "preference", "VirtualMachineClusterPreference")));
        }

        var spec = DefaultDisks.AddTo(vm.Spec.Template.Spec);
        if (instancetype is not null)
        {
            var conflicts = Conflicts(spec, instancetype).ToList();
            if (conflicts.Count > 0)
            {
                var fields = string.Join(", ", conflicts.Select(static c => $"spec.template.spec.{c}"));
                return (null, ("FailedCreate", $"{fields} conflict with the instancetype {vm.Spec.Instancetype?.Name}, which says that; take them away"));
            }

            spec = Apply(spec, instancetype, preference);
        }

        return (preference is null ? spec : PreferenceExpansion.Apply(spec, preference), null);
    }

    private static string Missing(InstancetypeMatcher matcher, string field, string defaultKind) =>
        $"{matcher.Kind ?? defaultKind} {matcher.Name ?? "(no name)"} of spec.{field} is not there; create it, or name another";

    private static IEnumerable<string> Conflicts(VmiSpec spec, InstancetypeSpec type)
    {
        var (cpu, memory, resources) = (spec.Domain.Cpu, spec.Domain.Memory, spec.Domain.Resources);
        (string Field, bool Conflicts)[] all =
        [
            ("domain.resources.requests.cpu", Has(resources?.Requests, Cpu)),
            ("domain.resources.limits.cpu", Has(resources?.Limits, Cpu)),
            ("domain.cpu.sockets", cpu?.Sockets is not null),
            ("domain.cpu.cores", cpu?.Cores is not null),
            ("domain.cpu.threads", cpu?.Threads is not null),
            ("domain.cpu.model", cpu?.Model is not null && type.Cpu.Model is not null),
            ("domain.memory.guest", memory?.Guest is not null),
            ("domain.memory.hugepages", memory?.Hugepages is not null && type.Memory.Hugepages is not null),
            ("domain.resources.requests.memory", Has(resources?.Requests, Memory)),
            ("domain.resources.limits.memory", Has(resources?.Limits, Memory)),
            ("schedulerName", spec.SchedulerName is not null && type.SchedulerName is not null),
            ("nodeSelector", (type.NodeSelector ?? NoLabels).Any(l => spec.NodeSelector?.ContainsKey(l.Key) == true)),
        ];
        return all.Where(static c => c.Conflicts).Select(static c => c.Field);
    }

    private static readonly Dictionary<string, string> NoLabels = [];

    private static bool Has(IReadOnlyDictionary<string, Quantity>? resources, string name) => resources?.ContainsKey(name) == true;

    private static VmiSpec Apply(VmiSpec spec, InstancetypeSpec type, PreferenceSpec? preference)
    {
        var (sockets, cores, threads) = CpuForm.Of(type.Cpu.Guest, preference);
        var cpu = (spec.Domain.Cpu ?? new Cpu()) with { Sockets = sockets, Cores = cores, Threads = threads };
        var memory = (spec.Domain.Memory ?? new Memory()) with { Guest = type.Memory.Guest };
        return spec with
        {
            Domain = spec.Domain with
            {
                Cpu = type.Cpu.Model is { } model ? cpu with { Model = model } : cpu,
                Memory = type.Memory.Hugepages is { } pages ? memory with { Hugepages = pages } : memory,
            },
            SchedulerName = type.SchedulerName ?? spec.SchedulerName,
            NodeSelector = type.NodeSelector is { Count: > 0 } labels ? (spec.NodeSelector ?? NoLabels).Concat(labels).ToDictionary() : spec.NodeSelector,
        };
    }
}

/// <summary>A number of CPUs as sockets, cores and threads.</summary>
internal static class CpuForm
{
    private const int DefaultRatio = 2, ThreadsOfACore = 2;

    public static (int Sockets, int Cores, int Threads) Of(int count, PreferenceSpec? preference)
    {
        var options = preference?.Cpu?.SpreadOptions;
        var ratio = options?.Ratio ?? (preference?.PreferSpreadSocketToCoreRatio is > 0 and var given ? given : DefaultRatio);
        return count == 1 ? (1, 1, 1) : Name(preference?.Cpu?.PreferredCPUTopology) switch
        {
            "cores" => (1, count, 1),
            "threads" => (1, 1, count),
            "spread" => (options?.Across ?? "SocketsCores") switch
            {
                "CoresThreads" => Spread(count, 1, count / ratio, ratio),
                "SocketsCoresThreads" => Spread(count, count / ThreadsOfACore / ratio, ratio, ThreadsOfACore),
                _ => Spread(count, count / ratio, ratio, 1),
            },
            _ => (count, 1, 1),
        };
    }

    /// <summary>KubeVirt refuses a number that the ratio does not divide; here such a machine gets sockets, and all its CPUs.</summary>
    private static (int Sockets, int Cores, int Threads) Spread(int count, int sockets, int cores, int threads) =>
        sockets * cores * threads == count ? (sockets, cores, threads) : (count, 1, 1);

    /// <summary>The old names begin with prefer.</summary>
    private static string Name(string? topology) =>
        topology?.StartsWith("prefer", StringComparison.Ordinal) == true ? topology["prefer".Length..].ToLower(CultureInfo.InvariantCulture) : topology ?? "sockets";
}
