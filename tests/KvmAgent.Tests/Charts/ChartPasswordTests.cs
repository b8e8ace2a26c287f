using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.TestSupport.Charts;
using static KvmAgent.Tests.Charts.AgentChart;

namespace KvmAgent.Tests.Charts;

public sealed class ChartPasswordTests
{
    private const string Image = "image.source=https://images.example/debian.qcow2", Name = "vm-kvm-agent-vnc";

    [HelmFact]
    public async Task A_password_is_generated_where_none_is_given_anew_for_each_release()
    {
        var first = Password(await Helm.TemplateAsync("--set", Image));
        var second = Password(await Helm.TemplateAsync("--set", Image));

        first.Length.ShouldBe(8);
        first.ShouldNotBe(second);
    }

    [HelmFact]
    public async Task An_upgrade_keeps_the_generated_password()
    {
        await using var cluster = new ClusterStandIn(Secret("kept-one"));

        Password(await cluster.InstallAsync(Helm, "--set", Image)).ShouldBe("kept-one");
    }

    [HelmFact]
    public async Task A_given_password_replaces_the_generated_one()
    {
        await using var cluster = new ClusterStandIn(Secret("kept-one"));

        Password(await cluster.InstallAsync(Helm, "--set", $"{Image},vnc.password=given")).ShouldBe("given");
    }

    [HelmFact]
    public async Task The_password_none_is_no_password()
    {
        var chart = new RenderedChart(await Helm.TemplateAsync("--set", $"{Image},vnc.password=none"));

        chart.All("Secret").ShouldBeEmpty();
        chart.Environment.ShouldNotContainKey("VNC_PASSWORD_FILE");
        chart.Environment.ShouldNotContainKey("NO_VNC");
    }

    private static string Password(string rendered) =>
        Encoding.UTF8.GetString(ClusterStandIn.Objects(rendered).ReadFile("/etc/kvm-agent/vnc-password")!);

    private static JsonObject Secret(string password) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Secret",
        ["metadata"] = ClusterStandIn.Metadata(Helm, Name, Helm.Namespace),
        ["data"] = new JsonObject { ["password"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(password)) },
    };
}
