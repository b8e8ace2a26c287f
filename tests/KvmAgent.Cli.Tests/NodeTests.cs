using KvmAgent.Coordinator.Tests.Rest;

namespace KvmAgent.Cli.Tests;

public sealed class NodeTests
{
    [Fact]
    public async Task Nodes_are_listed_for_people_and_for_programs()
    {
        await using var management = await ManagementCluster.StartAsync();
        management.CreateNode("n2", "arm64", "8", "16Gi", unschedulable: true);
        management.CreateNode("n1", "amd64", "4", "8052040Ki");
        using var kvmctl = new Kvmctl();
        kvmctl.LogIn(management.Address, management.Authority, management.Cluster.Server.Token);
        var lines = (await kvmctl.DoAsync("node", "list")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines[1].ShouldMatch(@"^n1 +Ready +x86_64 +4 +7\.7Gi +Debian GNU/Linux 12 \(bookworm\) +\d+s *$");
        lines[2].ShouldMatch("^n2 +Ready,SchedulingDisabled +aarch64 +8 +16Gi ");
        ((string?)(await kvmctl.JsonAsync("node", "ls"))["nodes"]![0]!["machine_id"]).ShouldBe("id-n1");
    }
}
