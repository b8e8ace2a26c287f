using KvmAgent.Coordinator.Tests.Jobs;
using KvmAgent.Coordinator.Tests.Store;

namespace KvmAgent.Cli.Tests;

/// <summary>The real program is logged in to a whole coordinator that has a database, and in whose cluster volumes are filled.</summary>
public abstract class OfJobs : IAsyncLifetime
{
    private protected Kvmctl Kvmctl { get; private set; } = null!;

    private protected JobCluster Jobs { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Kvmctl = Kvmctl.Create();
        Jobs = await JobCluster.StartAsync(new SqliteDatabase());
        Kvmctl.LogIn(Jobs.Management.Address, Jobs.Management.Authority, Jobs.Server.Token);
    }

    public async Task DisposeAsync()
    {
        Kvmctl.Dispose();
        await Jobs.DisposeAsync();
    }
}
