using System.Text;
using System.Text.RegularExpressions;
using KvmAgent.Settings;
using KvmAgent.TestSupport.Charts;
using static KvmAgent.Tests.Charts.AgentChart;

namespace KvmAgent.Tests.Charts;

/// <summary>The chart and the agent speak of the same settings.</summary>
public sealed partial class ChartSettingsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("chart-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    /// <summary>Two values files, as a VM without VNC has no password for it.</summary>
    [HelmFact]
    public async Task There_is_a_value_for_every_setting()
    {
        var full = new RenderedChart(await Helm.TemplateAsync("--values", Helm.Values("full"))).Environment;
        var novnc = new RenderedChart(await Helm.TemplateAsync("--values", Helm.Values("novnc"))).Environment;

        Setting.All.Select(s => s.Name).Where(n => n != Setting.NoVnc.Name).Except(full.Keys).ShouldBeEmpty();
        novnc.ShouldContainKey(Setting.NoVnc.Name);
        full.Keys.Except([.. Setting.All.Select(s => s.Name), "HTTPS_PROXY"]).ShouldBeEmpty();
    }

    [HelmTheory]
    [ClassData(typeof(ChartCases))]
    public async Task The_agent_accepts_what_the_chart_sets(string name)
    {
        var chart = new RenderedChart(await Helm.TemplateAsync("--values", Helm.Values(name)));

        var (settings, warnings) = VmSettingsReader.Read(WithFiles(chart), $"{Helm.Release}-kvm-agent-0");

        warnings.ShouldBeEmpty();
        settings.RunDir.ShouldBe(Path.GetDirectoryName((string?)chart.Container["readinessProbe"]!["exec"]!["command"]![1]));
        Mounts(chart).ShouldContain(settings.ImageDir);
        Mounts(chart).ShouldContain(settings.VmDir);
        ((string?)chart.Pod["terminationGracePeriodSeconds"]).ShouldBe($"{settings.Lifecycle.GracePeriod.TotalSeconds + 10:0}");
        ((string?)chart.Container["resources"]!["requests"]!["cpu"]).ShouldBe($"{100 * settings.Machine.Cpu.Count}m");
    }

    [HelmFact]
    public async Task User_data_reaches_the_agent_byte_for_byte()
    {
        const string userdata = "#cloud-config\n# {{ .Values.x }} \"quoted\" \\n $HOME <&> ü\n\ttab: '%'\n\n\n";
        var file = Path.Combine(_directory, "userdata");
        await File.WriteAllTextAsync(file, userdata);

        var chart = new RenderedChart(await Helm.TemplateAsync("--set", "image.target=a", "--set-file", $"configDrive.userdata.value={file}"));

        Encoding.UTF8.GetString(chart.ReadFile(chart.Environment["USERDATA_FILE"])!).ShouldBe(userdata);
    }

    [HelmFact]
    public async Task Only_the_spec_file_is_in_a_config_map()
    {
        var chart = new RenderedChart(await Helm.TemplateAsync("--values", Helm.Values("full")));

        chart.All("ConfigMap").SelectMany(c => c["data"]!.AsObject()).Select(d => d.Key).ShouldBe(["spec.yaml"]);
    }

    [HelmFact]
    public async Task Numbers_of_the_spec_file_stay_what_they_are()
    {
        var chart = new RenderedChart(await Helm.TemplateAsync(
            "--set", "image.target=a,specFile.memory.size=1073741824,specFile.cpu.sockets=2", "--set", "vm.memory=4294967296"));

        Encoding.UTF8.GetString(chart.ReadFile(chart.Environment["VM_SPEC_FILE"])!).ShouldBe("cpu:\n  sockets: 2\nmemory:\n  size: 1073741824\n");
        chart.Environment["VM_MEMORY"].ShouldBe("4294967296");
    }

    /// <summary>The agent is asked with a wrong value; its error lists the right ones.</summary>
    [Theory]
    [InlineData("vm.accel", "VM_ACCEL")]
    [InlineData("vm.machine", "VM_MACHINE")]
    [InlineData("vm.firmware", "VM_FIRMWARE")]
    [InlineData("vm.display", "VM_DISPLAY")]
    [InlineData("vm.onPoweroff", "VM_ON_POWEROFF")]
    [InlineData("disk.bus", "VM_DISK_BUS")]
    [InlineData("disk.cache", "VM_DISK_CACHE")]
    [InlineData("disk.io", "VM_DISK_IO")]
    [InlineData("nic.model", "VM_NIC_MODEL")]
    [InlineData("configDrive.format", "CONFIG_DRIVE")]
    [InlineData("log.format", "LOG_FORMAT")]
    [InlineData("log.level", "LOG_LEVEL")]
    public void The_schema_offers_the_agents_choices(string value, string variable)
    {
        var choices = new[] { "q35", "pc" }.SelectMany(machine => Choices(variable, machine)).Distinct();

        new ChartValues(Helm).SchemaOf(value).GetProperty("enum").EnumerateArray().Select(e => e.GetString())
            .ShouldBe(choices.Prepend(""), ignoreOrder: true);
    }

    private static string[] Choices(string variable, string machine)
    {
        var environment = new Dictionary<string, string> { ["VM_MACHINE"] = machine, [variable] = "?" };
        var error = Should.Throw<AgentException>(() => VmSettingsReader.Read(environment, "vm"));
        return ChoicesInError().Match(error.Message).Groups["choices"].Value.Split(" or ");
    }

    /// <summary>The environment with files in place of those that the pod would mount.</summary>
    private Dictionary<string, string> WithFiles(RenderedChart chart)
    {
        var environment = chart.Environment;
        foreach (var (name, path) in environment.Where(e => e.Value.StartsWith("/etc/kvm-agent/", StringComparison.Ordinal)).ToList())
        {
            environment[name] = Path.Combine(_directory, Path.GetFileName(path));
            File.WriteAllBytes(environment[name], chart.ReadFile(path) ?? "not mine"u8.ToArray());
        }

        if (environment.TryGetValue(Setting.SshKeyDirs.Name, out var directories))
        {
            environment[Setting.SshKeyDirs.Name] = string.Join(
                ',', directories.Split(',').Select(d => Directory.CreateDirectory(Path.Combine(_directory, Path.GetFileName(d))).FullName));
        }

        return environment;
    }

    private static IEnumerable<string> Mounts(RenderedChart chart) => chart.Container["volumeMounts"]!.AsArray().Select(m => (string)m!["mountPath"]!);

    [GeneratedRegex("=\"\\?\": is not one of the choices; write (?<choices>.*)$", RegexOptions.Multiline)]
    private static partial Regex ChoicesInError();
}
