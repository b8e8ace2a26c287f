using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Imports.Uploads;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Subresources;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport.Charts;
using Microsoft.Extensions.Logging.Abstractions;
using static KvmAgent.Coordinator.Tests.Charts.CoordinatorChart;

namespace KvmAgent.Coordinator.Tests.Charts;

/// <summary>What the chart's objects have to do with the coordinator's code, and what an upgrade leaves alone.</summary>
public sealed class ChartObjectsTests
{
    [HelmFact]
    public async Task The_kinds_are_installed_as_they_are_and_stay_when_the_release_goes()
    {
        var yaml = await Helm.TemplateAsync();
        var chart = new RenderedChart(yaml);

        var definitions = chart.All("CustomResourceDefinition").ToList();
        definitions.Select(static d => (string?)d["metadata"]!["name"])
            .ShouldBe(CustomResourceDefinitions.All.Select(static d => (string?)d["metadata"]!["name"]), ignoreOrder: true);
        definitions.ShouldAllBe(static d => (string?)d["metadata"]!["annotations"]!["helm.sh/resource-policy"] == "keep");
        foreach (var definition in CustomResourceDefinitions.All)
        {
            var text = YamlText.Of(definition);
            yaml.ShouldContain(text[text.IndexOf("\nspec:\n", StringComparison.Ordinal)..].TrimEnd());
        }
    }

    [HelmFact]
    public async Task The_api_is_registered_in_all_versions_that_are_served()
    {
        var chart = new RenderedChart(await Helm.TemplateAsync());

        chart.All("APIService").Select(static a => (string?)a["metadata"]!["name"])
            .ShouldBe(SubresourceApi.Versions.Select(static v => $"{v}.{SubresourceApi.Group}").Append($"{UploadTokenApi.Version}.{UploadTokenApi.GroupName}"), ignoreOrder: true);
        chart.All("APIService").ShouldAllBe(static a => a["spec"]!["caBundle"] == null && a["spec"]!["insecureSkipTLSVerify"] == null);
    }

    [HelmFact]
    public async Task An_upgrade_keeps_the_authority_that_the_coordinator_has_set()
    {
        const string name = "v1.subresources.kubevirt.io";
        await using var cluster = new ClusterStandIn(new JsonObject
        {
            ["apiVersion"] = "apiregistration.k8s.io/v1",
            ["kind"] = "APIService",
            ["metadata"] = ClusterStandIn.Metadata(Helm, name),
            ["spec"] = new JsonObject { ["caBundle"] = "QVVUSE9SSVRZ" },
        });

        var upgraded = ClusterStandIn.Objects(await cluster.InstallAsync(Helm));

        ((string?)upgraded.Find("APIService", name)!["spec"]!["caBundle"]).ShouldBe("QVVUSE9SSVRZ");
        upgraded.Find("APIService", "v1alpha3.subresources.kubevirt.io")!["spec"]!["caBundle"].ShouldBeNull();
    }

    [HelmTheory]
    [InlineData("edit")]
    [InlineData("admin")]
    public async Task Who_may_edit_may_use_every_subresource(string role)
    {
        using var client = new KubernetesClient(KubernetesConnection.To(new Uri("http://127.0.0.1:1")), TimeProvider.System);
        var sizes = new SizeCache(client, null, TimeProvider.System, NullLogger.Instance);
        var served = SubresourceList.Of(client, sizes, new InstanceLinks(client, new AgentRegistry(), null, TimeProvider.System));

        var granted = Granted(new RenderedChart(await Helm.TemplateAsync()), role);

        served.Select(static s => $"{s.Verb} {s.Resource}/{s.Name}.{SubresourceApi.Group}").Distinct().Except(granted).ShouldBeEmpty();
    }

    [HelmFact]
    public async Task Who_may_only_look_changes_nothing_and_opens_no_console()
    {
        var chart = new RenderedChart(await Helm.TemplateAsync());

        var granted = Granted(chart, "view");
        var ours = Granted(chart, "view", "kvmagent.io:view");

        granted.ShouldBeSubsetOf(ours);
        ours.ShouldAllBe(static g => g.StartsWith("get ") || g.StartsWith("list ") || g.StartsWith("watch "));
        ours.ShouldNotContain(static g => g.Contains("console") || g.Contains("vnc") || g.Contains("portforward"));
        Granted(chart, "edit").ShouldBeSubsetOf(Granted(chart, "admin"));
        granted.ShouldBeSubsetOf(Granted(chart, "edit"));
    }

    [HelmTheory]
    [ClassData(typeof(ChartCases))]
    public async Task Nothing_is_granted_by_a_wildcard_nor_by_a_role_of_the_clusters_administrators(string name)
    {
        var chart = new RenderedChart(await Helm.TemplateAsync("--values", Helm.Values(name)));

        chart.All("ClusterRole").Concat(chart.All("Role")).SelectMany(Rights).ShouldNotContain(static r => r.Contains('*'));
        chart.All("ClusterRoleBinding").Concat(chart.All("RoleBinding")).Select(static b => (string)b["roleRef"]!["name"]!)
            .ShouldNotContain(static r => r.Contains("admin"));
        chart.All("ClusterRole").Where(static r => ((string)r["metadata"]!["name"]!).StartsWith("kvm", StringComparison.Ordinal)).SelectMany(Rights)
            .ShouldNotContain(static r => r.EndsWith(" secrets.", StringComparison.Ordinal) && r != "create secrets.");
    }

    [HelmFact]
    public async Task Who_dials_the_coordinator_is_let_in_by_the_labels_of_its_pod()
    {
        var policy = new RenderedChart(await Helm.TemplateAsync()).All("NetworkPolicy").Single();
        var labels = policy["spec"]!["ingress"]!.AsArray()
            .Where(static rule => (string?)rule!["ports"]![0]!["port"] == "agents")
            .SelectMany(static rule => rule!["from"]!.AsArray())
            .Select(static from => from!["podSelector"]!["matchLabels"]!.AsObject().Single())
            .ToDictionary(static l => l.Key, static l => (string)l.Value!);

        labels.ShouldContain(static l => l.Key == MachineLabels.Linked);
        labels.Where(static l => l.Key == MachineLabels.Role).ShouldHaveSingleItem().Value.ShouldBe(MachineLabels.Launcher);
        labels.Where(static l => l.Key == ImportAnnotations.AppLabel).ShouldHaveSingleItem().Value.ShouldBe(ImportAnnotations.App);
    }

    /// <param name="name">Null: KubeVirt's for that role.</param>
    private static HashSet<string> Granted(RenderedChart chart, string role, string? name = null)
    {
        var found = chart.Find("ClusterRole", name ?? $"kubevirt.io:{role}")!;
        ((string?)found["metadata"]!["labels"]![$"rbac.authorization.k8s.io/aggregate-to-{role}"]).ShouldBe("true");
        return [.. Rights(found)];
    }

    private static IEnumerable<string> Rights(JsonNode role) =>
        from rule in role["rules"]!.AsArray()
        from @group in rule["apiGroups"]!.AsArray()
        from resource in rule["resources"]!.AsArray()
        from verb in rule["verbs"]!.AsArray()
        select $"{verb} {resource}.{@group}";
}
