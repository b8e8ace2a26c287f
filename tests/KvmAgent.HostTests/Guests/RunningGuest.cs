using System.Text;
using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Guests;

/// <summary>
/// One guest for all tests that only look at it: in a pod as Calico makes them (a /32 behind a gateway outside of it), with IPv6, a small
/// MTU, three nameservers and a guest agent.
/// </summary>
public sealed class RunningGuest : IAsyncLifetime
{
    /// <summary>No line of it may get lost, and the bytes at its end least of all.</summary>
    internal const string UserData = "#cloud-config\n# test-guest: guest-agent\nwrite_files: []\nodd: \"\u00e4\u20ac\"\r\n\tend without newline";

    internal PodNamespace Pod { get; private set; } = null!;

    internal AgentProcess Agent { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Pod = await PodNamespace.CreateAsync(new PodOptions
        {
            OffSubnetGateway = true,
            Ipv6 = true,
            Mtu = 1400,
            ResolvConf = "nameserver 10.96.0.10\nnameserver 10.96.0.11\nnameserver 10.96.0.12\nsearch team.svc.cluster.local svc.cluster.local Example.COM.\n",
        });
        var userdata = Path.Combine(Pod.Directory, "userdata");
        await File.WriteAllTextAsync(userdata, UserData, new UTF8Encoding(false));
        var metadata = Path.Combine(Pod.Directory, "metadata");
        await File.WriteAllTextAsync(metadata, "local-hostname: fixture\nversion: \"1.10\"\n");
        Agent = AgentProcess.Start(Pod, new Dictionary<string, string>
        {
            ["IMG_SOURCE"] = await TestGuest.ImageAsync(),
            ["USERDATA_FILE"] = userdata,
            ["METADATA_FILE"] = metadata,
            ["POD_NAMESPACE"] = "team",
        });
        await Agent.UpAsync();
        // Its IPv6 address comes by router advertisement, later than the lease.
        foreach (var host in new[] { PodNamespace.Address, $"[{PodNamespace.Address6}]" })
        {
            await Until.TrueAsync(
                async () => (await Pod.Node.TryRunAsync(["curl", "-sf", "--max-time", "2", $"http://{host}/"])).ExitCode == 0, AgentProcess.Patience);
        }
    }

    public async Task DisposeAsync()
    {
        await Agent.DisposeAsync();
        await Pod.DisposeAsync();
    }
}

[CollectionDefinition(nameof(RunningGuest))]
public sealed class RunningGuestCollection : ICollectionFixture<RunningGuest>;
