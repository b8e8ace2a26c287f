using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>What KubeVirt can and we cannot: an honest no, where a missing path would look like a broken installation.</summary>
internal static class UnsupportedVerbs
{
    public static IReadOnlyList<Subresource> All { get; } =
    [
        Refuse(MachineVerbs.Resource, "migrate", "live migration is not supported; its condition LiveMigratable says so"),
        Refuse(MachineVerbs.Resource, "addvolume", "volumes cannot be added while the machine is there; add it to the template and restart"),
        Refuse(MachineVerbs.Resource, "removevolume", "volumes cannot be removed while the machine is there; take it out of the template and restart"),
        Refuse(InstanceVerbs.Resource, "addvolume", "volumes cannot be added to a running instance"),
        Refuse(InstanceVerbs.Resource, "removevolume", "volumes cannot be removed from a running instance"),
    ];

    private static Subresource Refuse(string resource, string name, string why) => new(
        HttpMethods.Put, resource, name, request => throw new CoordinatorException(FailureReason.NotSupported, $"cannot {name} {request.Name}: {why}"));
}
