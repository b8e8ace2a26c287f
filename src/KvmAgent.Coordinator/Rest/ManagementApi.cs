using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Coordinator.Store;
using KvmAgent.Coordinator.WebConsole;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Rest;

/// <summary>The management API put together, the same in a cluster and alone.</summary>
internal static class ManagementApi
{
    /// <param name="records">Null: there is no database.</param>
    public static IReadOnlyList<RestRoute> Routes(ProviderSet providers, IAccess access, RecordStore? records, Sessions sessions, TimeProvider time) =>
        [.. new VmRoutes(providers, access, time).All, .. new JobRoutes(providers, access, records, time).All, .. new NodeRoutes(providers, time).All, .. new ProviderRoutes(providers, time).All, .. new SessionRoutes(sessions).All];

    /// <param name="records">Null: there is no database.</param>
    /// <param name="secret">What all replicas know and nobody else.</param>
    public static RestApi Of(ProviderSet providers, IAccess access, RecordStore? records, Func<byte[]> secret, TimeProvider time, ILoggerFactory logs)
    {
        var sessions = new Sessions(secret, time);
        return new RestApi(Routes(providers, access, records, sessions, time), access, sessions, time, logs.CreateLogger<RestApi>());
    }
}
