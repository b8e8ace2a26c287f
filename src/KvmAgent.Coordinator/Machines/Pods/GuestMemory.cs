using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Machines.Pods;

/// <summary>
/// The pod's memory beside the guest's own, in MiB, counted as charts/kvm-agent counts it (its _resources.tpl gives the reasons, a test
/// holds both equal): guest/512 for page tables, 100 for QEMU, 8 for each CPU, 64 for the agent and dnsmasq, 64 for a person's command,
/// and 256 for translated code where KVM is not sure.
/// </summary>
internal static class GuestMemory
{
    private const long MiB = 1L << 20, Least = 16 * MiB;
    private const string Memory = "memory", Cpu = "cpu";

    /// <summary>The guest's memory in bytes, a whole number of MiB.</summary>
    public static long? Of(Domain domain, List<PodProblem> problems)
    {
        var (field, quantity) = Ask(domain);
        if (quantity is not { } given)
        {
            problems.Add(PodProblem.Spec("spec.domain.memory.guest is missing; say how much memory the guest gets, such as 1Gi"));
            return null;
        }

        if (!given.TryBytes(out var bytes) || bytes < Least)
        {
            problems.Add(PodProblem.Spec($"{field}=\"{given}\" is no memory for a guest; give a quantity of at least 16Mi, such as 1Gi"));
            return null;
        }

        return bytes / MiB * MiB;
    }

    /// <param name="guest">Bytes.</param>
    public static ResourceRequirements Resources(Domain domain, long guest, MachineOptions options)
    {
        var cpus = domain.Cpu?.Count ?? 1;
        var overhead = (Div(guest / MiB, 512) + 100 + (8 * cpus) + 64 + 64 + (options.KvmResource is null ? 256 : 0)) * MiB;
        var hugepages = domain.Memory?.Hugepages?.PageSize;
        var memory = hugepages is null ? guest + overhead : overhead;
        var requests = new SortedDictionary<string, Quantity>(StringComparer.Ordinal)
        {
            [Cpu] = domain.Resources?.Requests?.GetValueOrDefault(Cpu) is { Text: not null } cpu ? cpu : new Quantity($"{100 * cpus}m"),
            [Memory] = Quantity.OfBytes(memory),
        };
        var limits = new SortedDictionary<string, Quantity>(StringComparer.Ordinal) { [Memory] = Quantity.OfBytes(memory) };
        if (domain.Resources?.Limits?.GetValueOrDefault(Cpu) is { Text: not null } most)
        {
            limits[Cpu] = most;
        }

        if (hugepages is not null)
        {
            // Huge pages are an account of their own, and request and limit must be equal.
            requests[$"hugepages-{hugepages}"] = limits[$"hugepages-{hugepages}"] = Quantity.OfBytes(guest);
        }

        foreach (var device in new[] { options.KvmResource, options.TunResource }.OfType<string>())
        {
            requests[device] = limits[device] = new Quantity("1");
        }

        return new ResourceRequirements { Requests = requests, Limits = limits };
    }

    private static (string Field, Quantity? Quantity) Ask(Domain domain)
    {
        const string resources = "spec.domain.resources";
        return domain.Memory?.Guest is { } guest ? ("spec.domain.memory.guest", guest)
            : domain.Resources?.Requests is { } requests && requests.TryGetValue(Memory, out var request) ? ($"{resources}.requests.memory", request)
            : domain.Resources?.Limits is { } limits && limits.TryGetValue(Memory, out var limit) ? ($"{resources}.limits.memory", limit)
            : ("", null);
    }

    private static long Div(long value, long by) => (value + by - 1) / by;
}
