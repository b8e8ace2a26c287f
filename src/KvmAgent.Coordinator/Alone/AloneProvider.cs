using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Inventory;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest;
using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Kubernetes;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Alone;

/// <summary>
/// Without a cluster the coordinator's own API is what it manages: the one provider, asked as any other is, over loopback. It has instances
/// alone.
/// </summary>
internal sealed class AloneProvider : IDisposable
{
    private readonly KubernetesClient _client;
    private readonly Informer<VirtualMachineInstance> _instances;
    private readonly VmTable _vms;

    /// <param name="server">The own API.</param>
    /// <param name="token">People's.</param>
    /// <param name="authorityPem">The own certificate's.</param>
    /// <param name="secret">What sessions of the console are sealed by.</param>
    public AloneProvider(Uri server, string token, string authorityPem, Func<byte[]> secret, TimeProvider time, ILoggerFactory logs)
    {
        _client = new KubernetesClient(KubernetesConnection.To(server, token, authorities: authorityPem), time, new KubernetesClientOptions { UserAgent = "kvm-coordinator" });
        _instances = new Informer<VirtualMachineInstance>(_client, Kinds.VirtualMachineInstances, null, null, time, logs.CreateLogger<AloneProvider>());
        _vms = new VmTable(Provider.Own, null, _instances);
        var hash = Token.Hash(token);
        Management = ManagementApi.Of(
            new ProviderList([new Provider { Name = Provider.Own, Namespace = "default", Vms = _vms, ClientFor = caller => _client.For(caller.Token) }]),
            new AloneAccess(hash),
            secret,
            time,
            logs);
    }

    public RestApi Management { get; }

    public Task RunAsync(CancellationToken stop) => Task.WhenAll(_instances.RunAsync(stop), _vms.RunAsync(stop));

    public void Dispose()
    {
        Management.Dispose();
        _client.Dispose();
    }
}
