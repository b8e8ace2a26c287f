using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.History;
using KvmAgent.Coordinator.Inventory;
using KvmAgent.Coordinator.Jobs;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest;
using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Coordinator.Store;
using KvmAgent.Kubernetes;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Alone;

/// <summary>
/// Without a cluster the coordinator's own API is the provider that is always there, asked as any other is, over loopback. It has instances
/// alone.
/// </summary>
internal sealed class AloneProvider : IAsyncDisposable
{
    private readonly KubernetesClient _client;
    private readonly Informer<VirtualMachineInstance> _instances;
    private readonly VmTable _vms;
    private readonly ProviderSet _providers;
    private readonly JobController _jobs;
    private readonly HistoryWriter _history;

    /// <param name="server">The own API.</param>
    /// <param name="token">People's.</param>
    /// <param name="authorityPem">The own certificate's.</param>
    /// <param name="secret">What sessions of the console are sealed by.</param>
    /// <param name="others">Where other clusters are kept.</param>
    /// <param name="records">Where jobs are kept, those of other clusters, and what happens.</param>
    /// <param name="eventsKept">How long that is.</param>
    public AloneProvider(Uri server, string token, string authorityPem, Func<byte[]> secret, IProviderStore others, RecordStore records, TimeSpan eventsKept, ProviderDialer dialer, TimeProvider time, ILoggerFactory logs)
    {
        _client = new KubernetesClient(KubernetesConnection.To(server, token, authorities: authorityPem), time, new KubernetesClientOptions { UserAgent = "kvm-coordinator" });
        _instances = new Informer<VirtualMachineInstance>(_client, Kinds.VirtualMachineInstances, null, null, time, logs.CreateLogger<AloneProvider>());
        _vms = new VmTable(Provider.Own, null, _instances);
        var access = new AloneAccess(Token.Hash(token));
        var own = new Provider { Name = Provider.Own, Namespace = Provider.UsualNamespace, Namespaces = null, Vms = _vms, ClientFor = caller => _client.For(caller.Token) };
        _providers = new ProviderSet(own, others, dialer, access, time, logs);
        var news = new HistoryNews();
        _jobs = new JobController(new JobStore(records), new JobSight(_providers, null), time, logs.CreateLogger<JobController>());
        _history = new HistoryWriter(records, _vms, news, eventsKept, time, logs.CreateLogger<HistoryWriter>());
        Management = ManagementApi.Of(_providers, access, records, news, null, secret, time, logs);
    }

    public RestApi Management { get; }

    public Task RunAsync(CancellationToken stop) =>
        Task.WhenAll(_instances.RunAsync(stop), _vms.RunAsync(stop), _providers.RunAsync(stop), _jobs.RunAsync(stop), _history.RunAsync(stop));

    public async ValueTask DisposeAsync()
    {
        Management.Dispose();
        await _providers.DisposeAsync().ConfigureAwait(false);
        _client.Dispose();
    }
}
