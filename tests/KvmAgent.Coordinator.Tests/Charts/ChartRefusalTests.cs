using System.Text.Json.Nodes;
using KvmAgent.TestSupport.Charts;
using static KvmAgent.Coordinator.Tests.Charts.CoordinatorChart;

namespace KvmAgent.Coordinator.Tests.Charts;

/// <summary>What could never work, or would harm the cluster, is refused before anything is installed, with what to do.</summary>
public sealed class ChartRefusalTests
{
    [HelmTheory]
    [InlineData("replica=1", "(root): Additional property replica is not allowed")]
    [InlineData("replicas=0", "replicas: Must be greater than or equal to 1")]
    [InlineData("watchNamespaces={A}", "watchNamespaces.0: Does not match pattern")]
    [InlineData("watchNamespaces={}", "watchNamespaces.0: String length must be greater than or equal to 1")]
    [InlineData("agent.url=http://a", "agent.url: Does not match pattern")]
    [InlineData("agent.url=https://a/path", "agent.url: Does not match pattern")]
    [InlineData("vm.kvmResource=kvm", "vm.kvmResource: Does not match pattern")]
    [InlineData("vm.hostDiskPaths={/}", "vm.hostDiskPaths.0: Does not match pattern")]
    [InlineData("vm.hostDiskPaths={/a/../b}", "vm.hostDiskPaths.0: Must not validate the schema (not)")]
    [InlineData("vm.nodeSelector.a=b=c", "vm.nodeSelector.a: Does not match pattern")]
    [InlineData("listen.address=::", "listen.address: Does not match pattern")]
    [InlineData("listen.apiPort=443", "listen.apiPort: Must be greater than or equal to 1024")]
    [InlineData("database.type=mysql", "database.type must be one of the following")]
    [InlineData("database.sqlite.size=1GB", "database.sqlite.size: Does not match pattern")]
    [InlineData("log.level=trace", "log.level must be one of the following")]
    [InlineData("serviceMonitor.interval=often", "serviceMonitor.interval: Does not match pattern")]
    public Task The_schema_refuses(string values, string error) => Helm.RefusesAsync(values, error);

    [HelmTheory]
    [InlineData("listen.apiPort=8443", "listen.agentsPort, listen.apiPort, listen.managementPort, listen.healthPort and listen.uploadPort are 8443, 8443, 8444, 8080, 8445: give each a port of its own")]
    [InlineData("database.type=sqlite", "database.type is sqlite, a file of one replica's own, and replicas is 2: set replicas to 1, or database.type to postgresql\n- database.type is sqlite, and there is no storage for it: set database.sqlite.size")]
    [InlineData("replicas=1,database.type=sqlite", "there is no storage for it: set database.sqlite.size, such as 1Gi, or database.sqlite.existingClaim")]
    [InlineData("replicas=3,database.type=sqlite,database.sqlite.size=1Gi", "replicas is 3: set replicas to 1")]
    [InlineData("replicas=1,database.type=sqlite,database.sqlite.size=1Gi,database.sqlite.existingClaim=mine", "database.sqlite.existingClaim is mine, and database.sqlite.size or storageClass")]
    [InlineData("database.sqlite.size=1Gi", "database.sqlite is set, and database.type is \"\": set it to sqlite")]
    [InlineData("database.type=postgresql", "nothing says where it is: set database.postgresql.secret to a Secret")]
    [InlineData("database.type=postgresql,database.postgresql.secret=db,database.sqlite.existingClaim=mine", "database.sqlite is set, and database.type is \"postgresql\"")]
    [InlineData("database.postgresql.secret=db", "database.postgresql.secret is db, and database.type is \"\": set it to postgresql")]
    public Task The_chart_refuses(string values, string error) => Helm.RefusesAsync(values, error);

    [HelmFact]
    public async Task A_cluster_with_KubeVirt_is_refused()
    {
        await using var cluster = new ClusterStandIn(Definition("kubevirts.kubevirt.io"), Definition("virtualmachines.kubevirt.io"));

        var refused = await cluster.TryInstallAsync(Helm);

        refused.ExitCode.ShouldBe(1);
        refused.Error.ShouldContain("this cluster has KubeVirt (the kind KubeVirt of kubevirt.io is there)");
        refused.Error.ShouldContain("install the coordinator in another cluster, or delete KubeVirt");
    }

    /// <summary>As <c>helm template --api-versions</c> tells of it.</summary>
    [HelmFact]
    public async Task A_cluster_that_is_said_to_have_KubeVirt_is_refused() =>
        (await Helm.TryTemplateAsync("--api-versions", "kubevirt.io/v1/KubeVirt")).Error.ShouldContain("this cluster has KubeVirt");

    [HelmFact]
    public async Task Kinds_of_others_are_not_taken_over()
    {
        await using var cluster = new ClusterStandIn(
            Definition("virtualmachines.kubevirt.io"),
            Definition("virtualmachineinstances.kubevirt.io", new JsonObject { ["name"] = "", ["annotations"] = new JsonObject { ["meta.helm.sh/release-name"] = "other" } }));

        var refused = await cluster.TryInstallAsync(Helm);

        refused.ExitCode.ShouldBe(1);
        refused.Error.ShouldContain("not of the release kvm-coordinator in kvm-system: virtualmachineinstances.kubevirt.io, virtualmachines.kubevirt.io.");
        refused.Error.ShouldContain("kubectl annotate --overwrite crd virtualmachineinstances.kubevirt.io virtualmachines.kubevirt.io meta.helm.sh/release-name=kvm-coordinator");
    }

    [HelmFact]
    public async Task The_releases_own_kinds_are_upgraded()
    {
        const string name = "virtualmachines.kubevirt.io";
        await using var cluster = new ClusterStandIn(Definition(name, ClusterStandIn.Metadata(Helm, name)));

        ClusterStandIn.Objects(await cluster.InstallAsync(Helm)).Find("CustomResourceDefinition", name).ShouldNotBeNull();
    }

    private static JsonObject Definition(string name, JsonObject? metadata = null)
    {
        metadata ??= [];
        metadata["name"] = name;
        return new JsonObject { ["apiVersion"] = "apiextensions.k8s.io/v1", ["kind"] = "CustomResourceDefinition", ["metadata"] = metadata };
    }
}
