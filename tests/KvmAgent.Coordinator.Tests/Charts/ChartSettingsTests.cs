using KvmAgent.Coordinator.Hosting;
using KvmAgent.TestSupport.Charts;
using static KvmAgent.Coordinator.Tests.Charts.CoordinatorChart;

namespace KvmAgent.Coordinator.Tests.Charts;

/// <summary>The chart and the coordinator speak of the same settings, ports and names.</summary>
public sealed class ChartSettingsTests
{
    [HelmFact]
    public async Task There_is_a_value_for_every_setting()
    {
        var full = new RenderedChart(await Helm.TemplateAsync("--values", Helm.Values("full"))).Environment.Keys;
        // One of two databases.
        var other = new RenderedChart(await Helm.TemplateAsync("--values", Helm.Values("one-namespace"))).Environment.Keys;

        full.Union(other)
            // It has one name of its namespace already.
            .ShouldBe(Setting.All.Except([Setting.OwnNamespace]).Select(static s => s.Name).Append("HTTPS_PROXY"), ignoreOrder: true);
    }

    [HelmTheory]
    [ClassData(typeof(ChartCases))]
    public async Task The_coordinator_accepts_what_the_chart_sets(string name)
    {
        var chart = new RenderedChart(await Helm.TemplateAsync("--values", Helm.Values(name)));

        var settings = SettingsReader.Read(EnvironmentOf(chart), null, "host");

        Ports(chart).ShouldBe(new Dictionary<string, int>
        {
            ["agents"] = settings.ListenAgents.Port,
            ["api"] = settings.ListenApi.Port,
            ["management"] = settings.ListenManagement.Port,
            ["health"] = settings.ListenHealth.Port,
            ["upload"] = settings.ListenUploads.Port,
        });
        // The API server asks for this name.
        foreach (var service in chart.All("APIService").Select(static a => a["spec"]!["service"]!))
        {
            chart.Find("Service", (string)service["name"]!).ShouldNotBeNull();
            settings.TlsNames.ShouldContain($"{service["name"]}.{Helm.Namespace}.svc");
        }

        chart.One("Deployment")["metadata"]!["name"]!.ToString().ShouldBe((string?)chart.Pod["serviceAccountName"]);
    }

    [HelmFact]
    public async Task Agents_dial_the_headless_service_by_a_name_of_the_certificate()
    {
        var chart = new RenderedChart(await Helm.TemplateAsync());

        var settings = SettingsReader.Read(EnvironmentOf(chart), null, "host");

        settings.AgentUrl.ShouldBe($"https://{FullName}-agents.{Helm.Namespace}.svc:8443");
        settings.TlsNames.ShouldBe([$"{FullName}-agents.{Helm.Namespace}.svc", $"{FullName}.{Helm.Namespace}.svc", $"{FullName}-management.{Helm.Namespace}.svc", $"{FullName}-upload.{Helm.Namespace}.svc"]);
        var spec = chart.Find("Service", $"{FullName}-agents")!["spec"]!;
        ((string?)spec["clusterIP"], (string?)spec["publishNotReadyAddresses"]).ShouldBe(("None", "true"));
    }

    [Theory]
    [InlineData("log.format", "LOG_FORMAT")]
    [InlineData("log.level", "LOG_LEVEL")]
    [InlineData("agent.image.pullPolicy", "AGENT_IMAGE_PULL_POLICY")]
    public void The_schema_offers_the_coordinators_choices(string value, string variable)
    {
        var error = Should.Throw<CoordinatorException>(() =>
            SettingsReader.Read(new Dictionary<string, string> { ["AGENT_IMAGE"] = "a", [variable] = "?" }, null, "host")).Message;

        var choices = error[(error.IndexOf("give ", StringComparison.Ordinal) + "give ".Length)..].Split(" or ");
        new ChartValues(Helm).SchemaOf(value).GetProperty("enum").EnumerateArray().Select(static e => e.GetString()).ShouldBe(choices, ignoreOrder: true);
    }

    private static Dictionary<string, int> Ports(RenderedChart chart) => chart.Container["ports"]!.AsArray()
        .ToDictionary(static p => (string)p!["name"]!, static p => int.Parse((string)p!["containerPort"]!, System.Globalization.CultureInfo.InvariantCulture));
}
