using System.Globalization;
using System.Net.Sockets;
using System.Text;
using KvmAgent.HostTests.Support;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Cluster;

/// <summary>An API server that is not ours, and the programs of others that speak with it.</summary>
internal static class RealServer
{
    /// <summary>Of the tests that share it: each has a coordinator that is the only one.</summary>
    public const string Name = "a real API server";

    public static string? Kubeconfig => Environment.GetEnvironmentVariable("KVM_TEST_KUBECONFIG");

    public static async Task<TestCluster> StartAsync() => await TestCluster.StartAsync(await File.ReadAllTextAsync(Kubeconfig!));

    public static Task<string> VirtctlAsync(TestCluster cluster, params string[] command) => RunAsync(cluster, "virtctl", command);

    public static Task<string> KubectlAsync(TestCluster cluster, params string[] command) => RunAsync(cluster, "kubectl", command);

    /// <returns>What it said, when it ended well.</returns>
    public static async Task<string> RunAsync(TestCluster cluster, string program, string[] command)
    {
        var answer = await ProcessRunner.TryRunAsync("env", [$"KUBECONFIG={cluster.Kubeconfig}", program, .. command], limit: TimeSpan.FromMinutes(2));
        answer.ExitCode.ShouldBe(0, $"{answer.Output}{answer.Error}\nthe coordinator said:\n{string.Join('\n', cluster.Coordinator.Lines)}");
        return answer.Output + answer.Error;
    }

    /// <summary>What <c>virtctl console</c> shows.</summary>
    public static Background Console(TestCluster cluster, string name) =>
        Background.Start("script", ["-qfec", $"env KUBECONFIG={cluster.Kubeconfig} virtctl console {name}", "/dev/null"]);

    /// <summary>A port of this machine for what shows screens.</summary>
    public static Background Screen(TestCluster cluster, string name) =>
        Background.Start("env", [$"KUBECONFIG={cluster.Kubeconfig}", "virtctl", "vnc", name, "--proxy-only"]);

    /// <summary>What is said first at the port of <see cref="Screen"/>.</summary>
    public static async Task<string> BannerAsync(Background screen)
    {
        var line = await screen.WaitForLineAsync("\"port\"");
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", int.Parse(line.Split("\"port\":")[1].TrimEnd('}', ' '), CultureInfo.InvariantCulture));
        var banner = new byte[12];
        await using var stream = new NetworkStream(socket);
        await stream.ReadExactlyAsync(banner);
        return Encoding.ASCII.GetString(banner);
    }
}

/// <summary>A test that needs an API server which cannot be had in CI.</summary>
[AttributeUsage(AttributeTargets.Method)]
public class RealServerFactAttribute : FactAttribute
{
    public RealServerFactAttribute()
    {
        if (RealServer.Kubeconfig is null)
        {
            Skip = "KVM_TEST_KUBECONFIG names no real API server";
        }
    }
}

/// <summary>One that needs a real CSI driver there besides.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RealStorageFactAttribute : RealServerFactAttribute
{
    public RealStorageFactAttribute()
    {
        if (NodeStorage.DriverState is null)
        {
            Skip ??= "KVM_TEST_CSI_STATE names no state directory of a csi-driver-host-path";
        }
    }
}
