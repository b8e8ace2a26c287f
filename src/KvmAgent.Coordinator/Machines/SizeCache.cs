using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Machines;

/// <summary>Instancetypes and preferences, and which machines name them.</summary>
internal sealed class SizeCache
{
    private readonly Informer<VirtualMachineInstancetype> _instancetypes;
    private readonly Informer<VirtualMachineClusterInstancetype> _clusterInstancetypes;
    private readonly Informer<VirtualMachinePreference> _preferences;
    private readonly Informer<VirtualMachineClusterPreference> _clusterPreferences;

    public SizeCache(KubernetesClient client, IReadOnlyList<string>? namespaces, TimeProvider time, ILogger log)
    {
        _instancetypes = new(client, Kinds.Instancetypes, namespaces, null, time, log);
        _clusterInstancetypes = new(client, Kinds.ClusterInstancetypes, null, null, time, log);
        _preferences = new(client, Kinds.Preferences, namespaces, null, time, log);
        _clusterPreferences = new(client, Kinds.ClusterPreferences, null, null, time, log);
        _instancetypes.Changed += e => Changed?.Invoke(Name("type", e.Object.Metadata.Namespace, e.Object.Metadata.Name));
        _clusterInstancetypes.Changed += e => Changed?.Invoke(Name("type", null, e.Object.Metadata.Name));
        _preferences.Changed += e => Changed?.Invoke(Name("preference", e.Object.Metadata.Namespace, e.Object.Metadata.Name));
        _clusterPreferences.Changed += e => Changed?.Invoke(Name("preference", null, e.Object.Metadata.Name));
    }

    /// <summary>One of <see cref="NamesOf"/> has changed.</summary>
    public event Action<string>? Changed;

    public Task Synced => Task.WhenAll(_instancetypes.Synced, _clusterInstancetypes.Synced, _preferences.Synced, _clusterPreferences.Synced);

    public Task RunAsync(CancellationToken stop) => Task.WhenAll(
        _instancetypes.RunAsync(stop), _clusterInstancetypes.RunAsync(stop), _preferences.RunAsync(stop), _clusterPreferences.RunAsync(stop));

    /// <summary>What a machine names, as one text each.</summary>
    public static IEnumerable<string> NamesOf(VirtualMachine vm)
    {
        if (vm.Spec?.Instancetype is { Name: { } type } instancetype)
        {
            yield return Name("type", IsClusterWide(instancetype) ? null : vm.Metadata.Namespace, type);
        }

        if (vm.Spec?.Preference is { Name: { } wish } preference)
        {
            yield return Name("preference", IsClusterWide(preference) ? null : vm.Metadata.Namespace, wish);
        }
    }

    public InstancetypeSpec? InstancetypeOf(VirtualMachine vm) => vm.Spec?.Instancetype is not { Name: { } name } matcher ? null
        : IsClusterWide(matcher) ? _clusterInstancetypes.Get(null, name)?.Spec
        : _instancetypes.Get(vm.Metadata.Namespace!, name)?.Spec;

    public PreferenceSpec? PreferenceOf(VirtualMachine vm) => vm.Spec?.Preference is not { Name: { } name } matcher ? null
        : IsClusterWide(matcher) ? _clusterPreferences.Get(null, name)?.Spec
        : _preferences.Get(vm.Metadata.Namespace!, name)?.Spec;

    /// <summary>Where no kind is said, and for the cluster's, also in the plural.</summary>
    private static bool IsClusterWide(InstancetypeMatcher matcher) =>
        matcher.Kind is null or "" || matcher.Kind.StartsWith("VirtualMachineCluster", StringComparison.OrdinalIgnoreCase);

    private static string Name(string what, string? ns, string? name) => $"{what} {ns}/{name}";
}
