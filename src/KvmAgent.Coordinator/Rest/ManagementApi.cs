using KvmAgent.Coordinator.History;
using KvmAgent.Coordinator.Imports.Uploads;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Coordinator.Rest.Images;
using KvmAgent.Coordinator.Store;
using KvmAgent.Coordinator.WebConsole;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Rest;

/// <summary>The management API put together, the same in a cluster and alone.</summary>
internal static class ManagementApi
{
    public static IReadOnlyList<RestRoute> Routes(ProviderSet providers, IAccess access, RecordStore? records, HistoryNews news, UploadSink? uploads, Sessions sessions, TimeProvider time) =>
    [
        .. new VmRoutes(providers, access, time).All,
        .. new JobRoutes(providers, access, records, time).All,
        .. new RefreshRoutes(providers, access, time).All,
        .. new HistoryRoutes(providers, access, records, news, time).All,
        .. new ImageRoutes(providers, access, uploads, time).All,
        .. new VolumeRoutes(providers, time).All,
        .. new BuildRoutes(providers, access, records, time).All,
        .. new NodeRoutes(providers, time).All,
        .. new ProviderRoutes(providers, time).All,
        .. new SessionRoutes(sessions).All,
    ];

    /// <param name="records">Null: there is no database.</param>
    /// <param name="uploads">Null: no claims are filled by this coordinator.</param>
    /// <param name="secret">What all replicas know and nobody else.</param>
    public static RestApi Of(ProviderSet providers, IAccess access, RecordStore? records, HistoryNews news, UploadSink? uploads, Func<byte[]> secret, TimeProvider time, ILoggerFactory logs)
    {
        var sessions = new Sessions(secret, time);
        return new RestApi(Routes(providers, access, records, news, uploads, sessions, time), access, sessions, time, logs.CreateLogger<RestApi>());
    }
}
