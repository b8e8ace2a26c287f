using KvmAgent.Coordinator.Tests.Rest;

namespace KvmAgent.Cli.Tests;

/// <summary>The real program is logged in to a whole coordinator, in whose cluster shop/web runs.</summary>
public abstract class OfRunningMachine : IAsyncLifetime
{
    private protected Kvmctl Kvmctl { get; private set; } = null!;

    private protected ManagementCluster Management { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Kvmctl = Kvmctl.Create();
        Management = await ManagementCluster.StartAsync();
        Kvmctl.LogIn(Management.Address, Management.Authority, Management.Cluster.Server.Token);
        Management.Cluster.Apply("web");
        await Management.Cluster.RunningAsync("web");
    }

    public async Task DisposeAsync()
    {
        Kvmctl.Dispose();
        await Management.DisposeAsync();
    }
}
