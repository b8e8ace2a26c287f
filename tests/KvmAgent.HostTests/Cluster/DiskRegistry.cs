using System.Text;
using KvmAgent.HostTests.Guests;
using KvmAgent.HostTests.Support;
using KvmAgent.Images.Tests.Support;
using KvmAgent.TestSupport.Certificates;

namespace KvmAgent.HostTests.Cluster;

/// <summary>A registry with TLS and users, as pods of a cluster reach it, that has the test guest as a container disk.</summary>
internal sealed class DiskRegistry : IAsyncDisposable
{
    private const int Port = 5000;
    private const string Repository = "guests/test-guest:1";

    private readonly string _directory = Directory.CreateTempSubdirectory("kvmtest-registry-").FullName;
    private readonly TestAuthority _authority = new("registry-ca");
    private TrustingImage? _agent;
    private DockerRegistry? _registry;

    /// <summary>As a machine names it.</summary>
    public static string Image => $"{PodNamespace.Client}:{Port}/{Repository}";

    /// <summary>The agent's image that trusts it.</summary>
    public string AgentImage => _agent!.Name;

    public static async Task<DiskRegistry> StartAsync()
    {
        var started = new DiskRegistry();
        try
        {
            started._agent = await TrustingImage.BuildAsync(started._authority, Directory.CreateDirectory(Path.Combine(started._directory, "agent")).FullName);
            using var certificate = started._authority.Server(PodNamespace.Client);
            started._registry = await DockerRegistry.StartAsync(started._directory, hasUsers: true, certificate);
            await started._registry.PushAsync(Repository, ("disk/", null), ("disk/test-guest.qcow2", await File.ReadAllBytesAsync(await TestGuest.ImageAsync())));
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    /// <summary>Makes it reachable from the pods of a cluster, and a pull secret for it.</summary>
    public async Task JoinAsync(TestCluster cluster, string secret, string password = DockerRegistry.Password)
    {
        await cluster.OfferAsync(Port, _registry!.Port);
        var login = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{DockerRegistry.User}:{password}"));
        var config = $$"""{"auths":{"{{PodNamespace.Client}}:{{Port}}":{"auth":"{{login}}"} } }""";
        await cluster.Client.CreateAsync(RawObjects.Kind("", "v1", "secrets", "Secret"), $$"""
            {"metadata":{"name":"{{secret}}","namespace":"{{TestCluster.Namespace}}"},"type":"kubernetes.io/dockerconfigjson",
             "data":{".dockerconfigjson":"{{Convert.ToBase64String(Encoding.UTF8.GetBytes(config))}}"} }
            """);
    }

    public async ValueTask DisposeAsync()
    {
        if (_registry is not null)
        {
            await _registry.DisposeAsync();
        }

        if (_agent is not null)
        {
            await _agent.DisposeAsync();
        }

        _authority.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
