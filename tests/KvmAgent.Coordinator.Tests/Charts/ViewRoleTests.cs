using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Rest;
using KvmAgent.TestSupport.Api;
using KvmAgent.TestSupport.Charts;
using static KvmAgent.Coordinator.Tests.Charts.CoordinatorChart;

namespace KvmAgent.Coordinator.Tests.Charts;

/// <summary>Who has one of the chart's roles in one namespace, and nothing else, looks at a machine by the management API.</summary>
public sealed class ViewRoleTests
{
    private const string Viewer = "viewer", Web = "/kubevirt/vms/shop/web";

    [HelmTheory]
    [InlineData("kvmagent.io:view", HttpStatusCode.OK)]
    [InlineData("kubevirt.io:view", HttpStatusCode.Forbidden)]
    public async Task Our_own_role_has_all_that_is_looked_at_and_KubeVirts_the_machine_alone(string role, HttpStatusCode besides)
    {
        var chart = new RenderedChart(await Helm.TemplateAsync());
        var rules = new RbacRules(chart.Objects.Append(Binding(role)), ManagementCluster.Namespace, Viewer);
        await using var management = await ManagementCluster.StartAsync();
        management.Cluster.Apply("web");
        await management.Cluster.RunningAsync("web");
        management.Cluster.Server.AddUser(Viewer, Viewer, rules.Allows);

        using var http = new HttpClient(new HttpClientHandler { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true }) { BaseAddress = management.Address };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Viewer);
        (await AskAsync(Web)).ShouldBe(HttpStatusCode.OK);
        foreach (var path in new[] { $"{Web}/events", $"{Web}/logs", "/kubevirt/volumes?namespace=shop", "/kubevirt/images?namespace=shop" })
        {
            (await AskAsync(path)).ShouldBe(besides, $"{path}: {string.Join(", ", rules.Refused)}");
        }

        async Task<HttpStatusCode> AskAsync(string path)
        {
            using var answer = await http.GetAsync(path);
            return answer.StatusCode;
        }
    }

    private static JsonObject Binding(string role) => new()
    {
        ["kind"] = "RoleBinding",
        ["metadata"] = new JsonObject { ["name"] = Viewer, ["namespace"] = ManagementCluster.Namespace },
        ["roleRef"] = new JsonObject { ["kind"] = "ClusterRole", ["name"] = role },
        ["subjects"] = new JsonArray(new JsonObject { ["kind"] = "ServiceAccount", ["name"] = Viewer, ["namespace"] = ManagementCluster.Namespace }),
    };
}
