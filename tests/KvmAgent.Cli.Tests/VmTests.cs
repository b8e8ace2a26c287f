using KvmAgent.Coordinator.Tests.Rest;
using KvmAgent.Coordinator.Tests.Support;

namespace KvmAgent.Cli.Tests;

/// <summary>The real program against a whole coordinator, in a cluster of fake agents.</summary>
public sealed class VmTests : IAsyncLifetime
{
    private const string Manifest =
        """
        apiVersion: kubevirt.io/v1
        kind: VirtualMachine
        metadata:
          name: web
          labels: {tier: front}
        spec:
          runStrategy: Manual
          template: {spec: {domain: {memory: {guest: 1Gi}, devices: {} }, volumes: [{name: root, emptyDisk: {capacity: 1Gi} } ] } }
        """;

    private const string Template =
        """
        apiVersion: template.openshift.io/v1
        kind: Template
        metadata: {name: small}
        parameters:
        - {name: NAME, required: true, description: Of the machine}
        - {name: SIZE, value: "1"}
        - {name: KEY, generate: expression, from: "[a-z]{8}"}
        objects:
        - apiVersion: kubevirt.io/v1
          kind: VirtualMachine
          metadata: {name: "${NAME}", annotations: {key: "${KEY}"}}
          spec:
            runStrategy: Manual
            template: {spec: {domain: {memory: {guest: "${SIZE}Gi"}, devices: {} }, volumes: [{name: root, emptyDisk: {capacity: 1Gi} } ] } }
        """;

    private Kvmctl _kvmctl = null!;
    private ManagementCluster _management = null!;

    public async Task InitializeAsync()
    {
        _kvmctl = Kvmctl.Create();
        _management = await ManagementCluster.StartAsync();
        _kvmctl.LogIn(_management.Address, _management.Authority, _management.Cluster.Server.Token);
    }

    public async Task DisposeAsync()
    {
        _kvmctl.Dispose();
        await _management.DisposeAsync();
    }

    [Fact]
    public async Task A_machine_is_made_started_restarted_stopped_and_deleted()
    {
        (await _kvmctl.DoAsync("vm", "create", "-n", "shop", "-f", _kvmctl.Write("web.yaml", Manifest))).ShouldBe("shop/web is created\n");
        (await _kvmctl.DoAsync("vm", "start", "-n", "shop", "web", "--wait")).ShouldBe("shop/web is running\n");
        await _management.Cluster.RunningAsync("web");
        (await _kvmctl.DoAsync("vm", "pause", "shop/web", "--wait", "-o", "name")).ShouldBe("shop/web\n");
        (await _kvmctl.DoAsync("vm", "unpause", "shop/web", "--wait")).ShouldBe("shop/web is running\n");
        var first = _management.Cluster.Uid("web");
        (await _kvmctl.DoAsync("vm", "restart", "shop/web")).ShouldBe("shop/web has shut down and is starting\n");
        _management.Cluster.Uid("web").ShouldNotBe(first);
        await _management.Cluster.RunningAsync("web", first);
        (await _kvmctl.DoAsync("vm", "stop", "shop/web", "--grace-period", "5", "--wait")).ShouldBe("shop/web is stopped\n");
        (await _kvmctl.DoAsync("vm", "delete", "shop/web")).ShouldBe("shop/web is being deleted\n");
        await _management.Cluster.GoneAsync("web");
    }

    [Fact]
    public async Task A_list_is_a_table_for_people_and_json_yaml_or_names_for_programs()
    {
        _management.Cluster.Apply("web");
        _management.Cluster.Apply("db", "Halted");
        await _management.ShownAsync("web", "running");
        await _management.ShownAsync("db", "stopped");
        var lines = (await _kvmctl.DoAsync("vm", "list", "-A")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines[0].ShouldMatch(@"^NAMESPACE\s+NAME\s+STATUS\s+READY\s+IP\s+NODE\s+AGE\s*$");
        lines[1].ShouldMatch(@"^shop\s+db\s+Stopped\s+False\s+\d+s\s*$");
        lines[2].ShouldMatch(@"^shop\s+web\s+Running\s+True\s+\S+\s+\S+\s+\d+s\s*$");
        (await _kvmctl.DoAsync("vm", "ls", "-n", "shop", "-o", "wide")).ShouldMatch(@"(?m)^web .*Always +1 +256Mi");
        (await _kvmctl.DoAsync("vm", "list", "-n", "shop", "-o", "name")).ShouldBe("shop/db\nshop/web\n");
        (await _kvmctl.JsonAsync("vm", "list", "-n", "shop", "--search", "WE"))["vms"]!.AsArray().Count.ShouldBe(1);
        (await _kvmctl.DoAsync("vm", "list", "-n", "shop", "--power-state", "stopped", "-o", "yaml")).ShouldContain("name: db");
        (await _kvmctl.DoAsync("vm", "list")).ShouldBe("there are no machines in namespace default; -A lists those of all\n");
        (await _kvmctl.JsonAsync("vm", "get", "shop/web"))["vm"]!["power_state"]!.GetValue<string>().ShouldBe("running");
    }

    [Fact]
    public async Task Events_tell_what_happened()
    {
        _management.Cluster.Apply("web");
        await _management.Cluster.RunningAsync("web");
        await Until.TrueAsync(async () => (await _kvmctl.DoAsync("vm", "events", "shop/web")).Contains("SuccessfulCreate", StringComparison.Ordinal));
        (await _kvmctl.DoAsync("vm", "events", "shop/web")).ShouldMatch(@"(?m)^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE *$");
        await FailsAsync(69, "machine shop/none not found", "vm", "events", "shop/none");
    }

    [Fact]
    public async Task A_log_is_that_of_its_pod_and_nothing_in_it_is_obeyed()
    {
        _management.Cluster.Apply("web");
        await _management.Cluster.RunningAsync("web");
        var pod = (string)_management.Cluster.Pods("web").Single()["metadata"]!["name"]!;
        Say("one");
        Say("two\t\u001b[2J");
        (await _kvmctl.DoAsync("vm", "logs", "shop/web")).ShouldBe("one\ntwo    ?[2J\n");
        (await _kvmctl.DoAsync("vm", "logs", "shop/web", "--tail", "1")).ShouldBe("two    ?[2J\n");
        using (var follow = _kvmctl.Start("vm", "logs", "-n", "shop", "web", "-f", "--tail", "0"))
        {
            await Until.TrueAsync(() => _management.Cluster.Server.Requests.All.Any(static r => r.Subresource == "log" && r.QueryString.Contains("follow=true", StringComparison.Ordinal)));
            Say("three");
            await follow.SaysAsync("three");
            follow.Signal(2);
            (await follow.EndAsync()).ShouldSatisfyAllConditions(r => r.ExitCode.ShouldBe(0, r.Error), r => r.Output.ShouldBe("three\n"));
        }

        await FailsAsync(69, "machine shop/none does not run, or there is none", "vm", "logs", "shop/none");
        _management.Cluster.Server.AddUser("viewer", "viewer", static request => request.Method == "GET" && !request.Path.Value!.EndsWith("/log", StringComparison.Ordinal));
        _kvmctl.LogIn(_management.Address, _management.Authority, "viewer");
        await FailsAsync(77, "forbidden", "vm", "logs", "shop/web");

        void Say(string line) => _management.Cluster.Server.Log("shop", pod, line);
    }

    [Fact]
    public async Task A_manifest_comes_by_the_standard_input_too()
    {
        var run = await _kvmctl.RunWithAsync(Manifest, "vm", "create", "-n", "shop", "-f", "-");
        (run.ExitCode, run.Output).ShouldBe((0, "shop/web is created\n"));
    }

    [Fact]
    public async Task A_template_and_its_parameters_make_a_machine()
    {
        var template = _kvmctl.Write("template.yaml", Template);
        (await _kvmctl.DoAsync("vm", "create", "-f", template, "--parameters")).ShouldMatch(@"^NAME +REQUIRED +VALUE +DESCRIPTION *\nNAME +True +Of the machine *\nSIZE +False +1 *\nKEY +False +\(generated\) *\n$");
        (await _kvmctl.DoAsync("vm", "create", "-n", "shop", "-f", template, "-p", "NAME=web", "-p", "SIZE=2")).ShouldBe("shop/web is created\n");
        ((string?)_management.Cluster.Machine("web")!["spec"]!["template"]!["spec"]!["domain"]!["memory"]!["guest"]).ShouldBe("2Gi");

        var secrets = _kvmctl.Write("secrets", "# none of them shows\n\nTIER=a=b \n");
        (await _kvmctl.DoAsync("vm", "create", "-n", "shop", "-f", _kvmctl.Write("db.yaml", Manifest.Replace("name: web", "name: '${NAME}'").Replace("{tier: front}", "{tier: front}\n  annotations: {tier: '${TIER}'}")), "-p", "NAME=db", "--param-file", secrets))
            .ShouldBe("shop/db is created\n");
        ((string?)_management.Cluster.Machine("db")!["metadata"]!["annotations"]!["tier"]).ShouldBe("a=b ");

        await FailsAsync(64, "NAME missing; \"NMAE\" unknown; it takes NAME, SIZE, KEY", "vm", "create", "-f", template, "-p", "NMAE=x");
        await FailsAsync(64, "--param NAME is no parameter; write NAME=VALUE", "vm", "create", "-f", template, "-p", "NAME");
        await FailsAsync(64, "--param NAME gives NAME once more", "vm", "create", "-f", template, "-p", "NAME=a", "-p", "NAME=b");
        await FailsAsync(64, "has 2 documents, and parameters are for one template", "vm", "create", "-f", _kvmctl.Write("two.yaml", $"{Manifest}\n---\n{Manifest}"), "-p", "A=b");
        await FailsAsync(64, "there is nothing to make; give --filename, or --template", "vm", "create");
        await FailsAsync(64, "exclude one another", "vm", "create", "-f", template, "--template", "a/b");
        await FailsAsync(69, "template a/b not found", "vm", "create", "--template", "a/b");
        _management.Cluster.Server.TakeComplaints().ShouldHaveSingleItem();
    }

    [Fact]
    public async Task What_is_wrong_is_told_with_its_value_and_remedy_and_by_the_exit_code()
    {
        _management.Cluster.Apply("web");
        await _management.ShownAsync("web", "running");
        await FailsAsync(69, "machine shop/none not found", "vm", "get", "shop/none");
        await FailsAsync(75, "Always does not support manual start requests", "vm", "start", "shop/web");
        await FailsAsync(64, "\"a/b/c\" names no machine; write NAME or NAMESPACE/NAME", "vm", "get", "a/b/c");
        await FailsAsync(64, "is in namespace shop, and --namespace says other", "vm", "get", "shop/web", "-n", "other");
        await FailsAsync(64, "--selector tier is no label; write key=value", "vm", "list", "-l", "tier");
        await FailsAsync(64, "power_state=\"on\" is not known", "vm", "list", "--power-state", "on");
        await FailsAsync(69, "provider \"mars\" not found", "vm", "list", "--provider", "mars");
        await FailsAsync(64, "/nowhere/vm.yaml cannot be read", "vm", "create", "-f", "/nowhere/vm.yaml");
        await FailsAsync(65, "is neither YAML nor JSON: line 2", "vm", "create", "-f", _kvmctl.Write("bad.yaml", "a: [b"));
        await FailsAsync(64, "manifest is v1 Pod; give a kubevirt.io/v1 VirtualMachine", "vm", "create", "-f", _kvmctl.Write("pod.yaml", "{apiVersion: v1, kind: Pod}"));
        _kvmctl.LogIn(_management.Address, _management.Authority, "guessed");
        await FailsAsync(77, "the token is wrong or has expired", "vm", "list");
        _kvmctl.LogIn(new Uri("https://127.0.0.1:1"), _management.Authority, "any");
        await FailsAsync(69, "https://127.0.0.1:1/ does not answer", "vm", "list");
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
