namespace KvmAgent.Coordinator.Tests.Machines;

/// <summary>Each folder of Scenarios holds one behaviour of the pure functions; see <see cref="Scenario"/>.</summary>
public sealed class ScenarioTests
{
    private const string Instances = "instances", Machines = "machines";

    public static TheoryData<string> PodNames => [.. Scenario.Names(PodScenario.Area)];

    public static TheoryData<string> InstanceNames => [.. Scenario.Names(Instances)];

    public static TheoryData<string> MachineNames => [.. Scenario.Names(Machines)];

    [Theory]
    [MemberData(nameof(PodNames))]
    public void An_instance_becomes_its_pod(string name) => Scenario.Check(PodScenario.Area, name, PodScenario.Show);

    [Theory]
    [MemberData(nameof(InstanceNames))]
    public void An_instance_follows_its_pod_and_agent(string name) => Scenario.Check(Instances, name, DecisionScenario.Instance);

    [Theory]
    [MemberData(nameof(MachineNames))]
    public void A_machine_starts_and_stops_its_instance(string name) => Scenario.Check(Machines, name, DecisionScenario.Machine);
}
