using KvmAgent.Coordinator.Tests.Rest;

namespace KvmAgent.Cli.Tests;

/// <summary>Two clusters, of which the first manages the machines of the other.</summary>
public sealed class ProviderTests : IAsyncLifetime
{
    private Kvmctl _kvmctl = null!;
    private ManagementCluster _own = null!;
    private ManagementCluster _other = null!;

    public async Task InitializeAsync()
    {
        _kvmctl = Kvmctl.Create();
        _own = await ManagementCluster.StartAsync();
        _other = await ManagementCluster.StartAsync(https: true);
        _kvmctl.LogIn(_own.Address, _own.Authority, _own.Cluster.Server.Token);
    }

    public async Task DisposeAsync()
    {
        _kvmctl.Dispose();
        await _own.DisposeAsync();
        await _other.DisposeAsync();
    }

    private string Server => _other.Cluster.Server.Address.GetLeftPart(UriPartial.Authority);

    [Fact]
    public async Task A_cluster_is_added_looked_at_used_changed_and_removed()
    {
        var kubeconfig = _kvmctl.Write("east.yaml", _other.Cluster.Server.Kubeconfig);
        (await _kvmctl.DoAsync("provider", "add", "east", "--kubeconfig", kubeconfig, "--context", "test", "--namespace", "shop", "--storage-class", "fast")).ShouldBe("provider east is added\n");
        var token = await _kvmctl.RunWithAsync($"{_other.Cluster.Server.Token}\n", "provider", "add", "west", "--server", Server, "--ca", _kvmctl.Write("ca.crt", _other.Cluster.Server.CertificateAuthority!), "--token-file", "-", "-o", "name");
        (token.ExitCode, token.Output).ShouldBe((0, "west\n"), token.Error);

        var lines = (await _kvmctl.DoAsync("provider", "list")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines[0].ShouldMatch(@"^NAME +STATE +CREDENTIAL +SERVER +NAMESPACE +VERSION +AGE *$");
        lines[1].ShouldMatch("^local +connected +caller +default ");
        lines[2].ShouldMatch($@"^east +connected +kubeconfig +{Server} +shop +v\S+ +\d+s *$");
        lines[3].ShouldMatch($"^west +connected +token +{Server} +default ");
        (await _kvmctl.DoAsync("provider", "ls", "-o", "wide")).ShouldMatch("(?m)^east .* test +fast *$");
        (await _kvmctl.DoAsync("provider", "list", "-o", "name")).ShouldBe("local\neast\nwest\n");
        var told = await _kvmctl.DoAsync("provider", "get", "east");
        told.ShouldContain("storage_class: fast");
        told.ShouldNotContain(_other.Cluster.Server.Token);

        _other.Cluster.Apply("web");
        await _other.Cluster.RunningAsync("web");
        (await _kvmctl.DoAsync("vm", "pause", "shop/web", "--provider", "east", "--wait")).ShouldBe("shop/web is paused\n");
        (await _kvmctl.DoAsync("vm", "list", "-A", "--provider", "west", "-o", "name")).ShouldBe("shop/web\n");
        _other.CreateNode("n1", "amd64", "4", "8Gi");
        (await _kvmctl.DoAsync("node", "list", "--provider", "west", "-o", "name")).ShouldBe("n1\n");

        (await _kvmctl.DoAsync("provider", "edit", "east", "--storage-class", "")).ShouldBe("provider east is changed\n");
        (await _kvmctl.DoAsync("provider", "get", "east")).ShouldNotContain("storage_class");
        (await _kvmctl.DoAsync("provider", "remove", "east")).ShouldBe("provider east is removed\n");
        (await _kvmctl.RunAsync("vm", "list", "--provider", "east")).ShouldSatisfyAllConditions(r => r.ExitCode.ShouldBe(69), r => r.Error.ShouldContain("provider \"east\" not found"));
        _other.Cluster.Machine("web").ShouldNotBeNull();
    }

    [Fact]
    public async Task One_that_cannot_be_reached_says_why_and_what_is_wrong_is_told_by_the_exit_code()
    {
        var kubeconfig = _kvmctl.Write("east.yaml", _other.Cluster.Server.Kubeconfig);
        await _kvmctl.DoAsync("provider", "add", "east", "--kubeconfig", kubeconfig);
        await FailsAsync(75, "provider \"east\" is there already", "provider", "add", "east", "--kubeconfig", kubeconfig);
        await FailsAsync(64, "context: \"prod\" is not among the contexts of kubeconfig; there are: test", "provider", "add", "west", "--kubeconfig", kubeconfig, "--context", "prod");
        await FailsAsync(64, "users[0].user.exec is refused", "provider", "add", "west", "--kubeconfig", _kvmctl.Write("exec.yaml", _other.Cluster.Server.Kubeconfig.Replace("token: ", "exec: {command: sh}\n    was: ", StringComparison.Ordinal)));
        await FailsAsync(64, "does not take the credentials", "provider", "add", "west", "--server", Server, "--ca", _kvmctl.Write("ca.crt", _other.Cluster.Server.CertificateAuthority!), "--token-file", _kvmctl.Write("token", "expired"));
        await FailsAsync(64, "username and password go together", "provider", "add", "west", "--server", Server, "--user", "me");
        await FailsAsync(64, "--token-file and --password-file are both the standard input", "provider", "add", "west", "--server", Server, "--token-file", "-", "--password-file", "-");
        await FailsAsync(64, "--key /nowhere/key cannot be read", "provider", "add", "west", "--server", Server, "--certificate", kubeconfig, "--key", "/nowhere/key");
        await FailsAsync(69, "provider \"west\" not found", "provider", "remove", "west");

        _other.Cluster.Server.Faults.Down();
        (await _kvmctl.DoAsync("provider", "list", "-o", "wide")).ShouldMatch($"(?m)^east +unreachable .*{Server} cannot be reached");
        await FailsAsync(75, "provider \"east\" cannot be reached", "vm", "stop", "shop/web", "--provider", "east");
        (await _kvmctl.DoAsync("vm", "list", "-A")).ShouldBe("there are no machines\n");
        _other.Cluster.Server.Faults.Up();
    }

    [Fact]
    public async Task HyperSDKs_configuration_is_taken_with_the_kubeconfig_that_it_names()
    {
        _kvmctl.Write("config", _other.Cluster.Server.Kubeconfig);
        var file = _kvmctl.Write("east.yaml", "provider:\n  type: kubevirt\n  metadata:\n    namespace: shop              # Kubernetes namespace\n    kubeconfig: ~/config\n    storageClass: standard\n");
        await _kvmctl.DoAsync("provider", "add", "east", "-f", file);
        (await _kvmctl.JsonAsync("provider", "get", "east"))["provider"]!["storage_class"]!.GetValue<string>().ShouldBe("standard");
        await _kvmctl.DoAsync("provider", "add", "west", "-f", _kvmctl.Write("west.yaml", "provider: {metadata: {kubeconfig: config}}"));
        await FailsAsync(65, "has no provider", "provider", "add", "north", "-f", _kvmctl.Write("north.yaml", "type: kubevirt"));
        await FailsAsync(65, "is not understood", "provider", "add", "north", "-f", _kvmctl.Write("north.yaml", "provider: {metadata: {cluster: x}}"));
        await FailsAsync(64, "provider.metadata.kubeconfig", "provider", "add", "north", "-f", _kvmctl.Write("north.yaml", "provider: {metadata: {kubeconfig: none}}"));
        await FailsAsync(64, "provider.type=\"vsphere\" is not known", "provider", "add", "north", "-f", _kvmctl.Write("north.yaml", "provider: {type: vsphere}"));
    }

    [Fact]
    public async Task No_secret_can_be_given_where_others_see_it()
    {
        var help = await _kvmctl.DoAsync("provider", "add", "--help");
        foreach (var option in new[] { "--token ", "--password " })
        {
            help.ShouldNotContain(option);
        }

        (await _kvmctl.RunAsync("provider", "add", "east", "--server", Server, "--token", "secret")).ExitCode.ShouldBe(64);
    }

    private async Task FailsAsync(int code, string why, params string[] arguments)
    {
        var run = await _kvmctl.RunAsync(arguments);
        run.ExitCode.ShouldBe(code, run.Error + run.Output);
        run.Error.ShouldContain(why);
        run.Error.ShouldStartWith("kvmctl: ");
        run.Output.ShouldBeEmpty();
    }
}
