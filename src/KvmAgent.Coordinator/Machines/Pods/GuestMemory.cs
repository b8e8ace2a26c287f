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

        var whole = bytes / MiB * MiB;
        if (domain.Memory?.Hugepages?.PageSize is { } size && new Quantity(size).TryBytes(out var page) && whole % page != 0)
        {
            problems.Add(PodProblem.Spec($"{field}=\"{given}\" is no multiple of hugepages.pageSize={size}; give the memory in whole pages"));
        }

        return whole;
    }

    /// <param name="guest">Bytes.</param>
    /// <param name="spice">Whether it has a SPICE screen.</param>
    public static ResourceRequirements Resources(Domain domain, long guest, bool spice, MachineOptions options)
    {
        var cpus = domain.Cpu?.Count ?? 1;
        var overhead = (Div(guest / MiB, 512) + 100 + (8 * cpus) + 64 + 64 + (spice ? 32 : 0) + (options.KvmResource is null ? 256 : 0)) * MiB;
        var hugepages = domain.Memory?.Hugepages?.PageSize;
        var requests = Others(domain.Resources?.Requests);
        var limits = Others(domain.Resources?.Limits);
        // Less than the guest's memory may be asked for: then nodes are overcommitted. The limit is never below what the guest may touch.
        var asked = hugepages is null ? Asked(domain.Resources?.Requests) ?? guest : 0;
        var most = hugepages is null ? Math.Max(Math.Max(asked, guest), Asked(domain.Resources?.Limits) ?? 0) : 0;
        requests[Memory] = Quantity.OfBytes(asked + overhead);
        limits[Memory] = Quantity.OfBytes(most + overhead);
        AddCpu(domain.Resources, cpus, requests, limits);
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

    /// <summary>A limit alone is also the request, as everywhere in Kubernetes.</summary>
    private static void AddCpu(DomainResources? resources, int cpus, SortedDictionary<string, Quantity> requests, SortedDictionary<string, Quantity> limits)
    {
        if (resources?.Limits is { } most && most.TryGetValue(Cpu, out var limit))
        {
            limits[Cpu] = limit;
        }

        requests[Cpu] = resources?.Requests is { } least && least.TryGetValue(Cpu, out var request) ? request
            : limits.TryGetValue(Cpu, out limit) ? limit
            : new Quantity($"{100 * cpus}m");
    }

    private static long? Asked(IReadOnlyDictionary<string, Quantity>? resources) =>
        resources is not null && resources.TryGetValue(Memory, out var given) && given.TryBytes(out var bytes) ? bytes : null;

    /// <summary>What is neither CPU nor memory goes to the pod as it is: ephemeral storage, devices.</summary>
    private static SortedDictionary<string, Quantity> Others(IReadOnlyDictionary<string, Quantity>? resources) => new(
        (resources ?? new Dictionary<string, Quantity>())
            .Where(static r => r.Key is not (Cpu or Memory) && !r.Key.StartsWith("hugepages-", StringComparison.Ordinal))
            .ToDictionary(),
        StringComparer.Ordinal);

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
