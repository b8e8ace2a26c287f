using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Machines.Pods;
using KvmAgent.Coordinator.Tests.Machines;
using KvmAgent.Settings;

namespace KvmAgent.HostTests.Coordinator;

/// <summary>What the coordinator writes for the agent, the agent reads: each scenario's pod, by the agent's own reader.</summary>
public sealed class SpecFileTests
{
    public static TheoryData<string> Names => [.. Scenario.Names(PodScenario.Area)];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_agent_takes_each_scenarios_spec_file(string name)
    {
        foreach (var (caseName, given) in Scenario.Cases(PodScenario.Area, name))
        {
            var plan = PodScenario.Plan(given);
            if (plan.Pod is not { } pod)
            {
                continue;
            }

            var root = Directory.CreateTempSubdirectory("kvm-agent-spec-").FullName;
            try
            {
                var environment = Lay(plan, root);

                var settings = Should.NotThrow(() => VmSettingsReader.Read(environment, pod.Spec!.Hostname!).Settings, caseName);

                settings.Name.ShouldBe(pod.Spec!.Hostname, caseName);
                settings.Machine.MemoryBytes.ShouldBe(long.Parse((string)Spec(plan)["memory"]!["size"]!, System.Globalization.CultureInfo.InvariantCulture), caseName);
                settings.ExtraDisks.Count.ShouldBe(Spec(plan)["disks"]?.AsArray().Count ?? 0, caseName);
                settings.ExtraDisks.Count(static d => d.Files is not null).ShouldBe(Spec(plan)["disks"]?.AsArray().Count(static d => d!["files"] is not null) ?? 0, caseName);
                settings.ConfigDrive.SshKeyDirs.Count.ShouldBe(((string?)Spec(plan)["configDrive"]?["sshKeyDirs"])?.Split(',').Length ?? 0, caseName);
                settings.Network.Vnc.ShouldBeFalse(caseName);
            }
            finally
            {
                Directory.Delete(root, recursive: true);
            }
        }
    }

    /// <summary>The pod's files below a root of the test's own.</summary>
    /// <returns>The container's environment.</returns>
    private static Dictionary<string, string> Lay(PodPlan plan, string root)
    {
        var config = Directory.CreateDirectory(Path.Combine(root, "etc", "machine")).FullName;
        foreach (var (name, text) in plan.Config!.Data!)
        {
            File.WriteAllText(Path.Combine(config, name), name == SpecFileName ? Under(Spec(plan).ToJsonString(), root) : text);
        }

        foreach (var (name, bytes) in plan.Config.BinaryData ?? new Dictionary<string, byte[]>())
        {
            File.WriteAllBytes(Path.Combine(config, name), bytes);
        }

        // A Secret's keys are its owner's; these are some that the agent looks for.
        foreach (var mount in plan.Pod!.Spec!.Containers!.Single().VolumeMounts!.Where(static m => m.MountPath.StartsWith(PodParts.SecretsDir, StringComparison.Ordinal)))
        {
            var secret = Directory.CreateDirectory(Under(mount.MountPath, root)).FullName;
            File.WriteAllText(Path.Combine(secret, "userData"), "#cloud-config\n");
            File.WriteAllText(Path.Combine(secret, "networkdata"), "version: 2\n");
        }

        Directory.CreateDirectory(Path.Combine(root, "token"));
        File.WriteAllText(Path.Combine(root, "token", "token"), "token");
        return plan.Pod.Spec.Containers!.Single().Env!.ToDictionary(static e => e.Name, e => Under(e.Value ?? "from-the-pod", root));
    }

    private const string SpecFileName = "spec.yaml";

    private static JsonObject Spec(PodPlan plan) => JsonNode.Parse(plan.Config!.Data![SpecFileName])!.AsObject();

    private static string Under(string text, string root) =>
        text.Replace("/etc/kvm-agent", $"{root}/etc", StringComparison.Ordinal).Replace("/var/run/secrets/kvm-agent", $"{root}/token", StringComparison.Ordinal);
}
