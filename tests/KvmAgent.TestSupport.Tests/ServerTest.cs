using KvmAgent.TestSupport.Api;

namespace KvmAgent.TestSupport.Tests;

/// <summary>A server and its client for each test.</summary>
public abstract class ServerTest : IAsyncLifetime
{
    internal TestApiServer Server { get; private set; } = null!;

    internal Client Client { get; private set; } = null!;

    private protected virtual TestApiServerOptions Options => new();

    public virtual async Task InitializeAsync()
    {
        Server = await TestApiServer.StartAsync(Options);
        Client = new Client(Server);
    }

    public async Task DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
    }
}
