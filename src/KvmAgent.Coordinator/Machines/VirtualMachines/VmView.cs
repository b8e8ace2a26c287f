using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Machines.VirtualMachines;

/// <summary>All that a decision about a machine rests on.</summary>
/// <param name="Instance">The instance of its name, whoever owns it.</param>
/// <param name="Pods">All pods of instances of its name.</param>
/// <param name="Claims">Those that it names and that are there, by name.</param>
/// <param name="Instancetype">The one that it names; null where that is not there.</param>
/// <param name="Preference">Likewise.</param>
internal sealed record VmView(
    VirtualMachine Vm,
    VirtualMachineInstance? Instance,
    IReadOnlyList<Pod> Pods,
    IReadOnlyDictionary<string, PersistentVolumeClaim> Claims,
    DateTimeOffset Now,
    InstancetypeSpec? Instancetype = null,
    PreferenceSpec? Preference = null);
