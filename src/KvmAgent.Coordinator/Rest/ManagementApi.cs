using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest.Access;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Rest;

/// <summary>The management API put together, the same in a cluster and alone.</summary>
internal static class ManagementApi
{
    public static IReadOnlyList<RestRoute> Routes(ProviderSet providers, IAccess access, TimeProvider time) =>
        [.. new VmRoutes(providers, access, time).All, .. new NodeRoutes(providers, time).All, .. new ProviderRoutes(providers, time).All];

    public static RestApi Of(ProviderSet providers, IAccess access, TimeProvider time, ILoggerFactory logs) =>
        new(Routes(providers, access, time), access, time, logs.CreateLogger<RestApi>());
}
