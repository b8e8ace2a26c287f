namespace KvmAgent.Coordinator.Tests.Machines;

/// <summary>Each folder of Scenarios holds one behaviour of the pure functions; see <see cref="Scenario"/>.</summary>
public sealed class ScenarioTests
{
    private const string Instances = "instances", Machines = "machines", Adoption = "adoption", Imports = "imports", Importers = "importers", Volumes = "volumes",
        Sources = "sources", Crons = "crons", Clones = "clones", Storage = "storage";

    public static TheoryData<string> PodNames => [.. Scenario.Names(PodScenario.Area)];

    public static TheoryData<string> InstanceNames => [.. Scenario.Names(Instances)];

    public static TheoryData<string> MachineNames => [.. Scenario.Names(Machines)];

    public static TheoryData<string> AdoptionNames => [.. Scenario.Names(Adoption)];

    public static TheoryData<string> ImportNames => [.. Scenario.Names(Imports)];

    public static TheoryData<string> VolumeNames => [.. Scenario.Names(Volumes)];

    public static TheoryData<string> SourceNames => [.. Scenario.Names(Sources)];

    public static TheoryData<string> CronNames => [.. Scenario.Names(Crons)];

    public static TheoryData<string> ImporterNames => [.. Scenario.Names(Importers)];

    public static TheoryData<string> CloneNames => [.. Scenario.Names(Clones)];

    public static TheoryData<string> StorageNames => [.. Scenario.Names(Storage)];

    [Theory]
    [MemberData(nameof(StorageNames))]
    public void A_claim_is_made_for_how_it_is_cloned(string name) => Scenario.Check(Storage, name, ImportScenario.StorageClaim);

    [Theory]
    [MemberData(nameof(CloneNames))]
    public void A_claim_that_is_cloned_is_served(string name) => Scenario.Check(Clones, name, ImportScenario.CloneSource);

    [Theory]
    [MemberData(nameof(PodNames))]
    public void An_instance_becomes_its_pod(string name) => Scenario.Check(PodScenario.Area, name, PodScenario.Show);

    [Theory]
    [MemberData(nameof(InstanceNames))]
    public void An_instance_follows_its_pod_and_agent(string name) => Scenario.Check(Instances, name, DecisionScenario.Instance);

    [Theory]
    [MemberData(nameof(MachineNames))]
    public void A_machine_starts_and_stops_its_instance(string name) => Scenario.Check(Machines, name, DecisionScenario.Machine);

    [Theory]
    [MemberData(nameof(AdoptionNames))]
    public void A_linked_pod_gets_an_instance(string name) => Scenario.Check(Adoption, name, DecisionScenario.Adoption);

    [Theory]
    [MemberData(nameof(SourceNames))]
    public void A_source_says_what_it_comes_to(string name) => Scenario.Check(Sources, name, ImportScenario.Source);

    [Theory]
    [MemberData(nameof(CronNames))]
    public void A_cron_looks_and_imports_what_is_new(string name) => Scenario.Check(Crons, name, CronScenario.Decide);

    [Theory]
    [MemberData(nameof(ImportNames))]
    public void A_claim_follows_its_importer(string name) => Scenario.Check(Imports, name, ImportScenario.Decide);

    [Theory]
    [MemberData(nameof(ImporterNames))]
    public void A_claim_becomes_its_importers_pod(string name) => Scenario.Check(Importers, name, ImportScenario.Pod);

    [Theory]
    [MemberData(nameof(VolumeNames))]
    public void A_data_volume_makes_and_follows_its_claim(string name) => Scenario.Check(Volumes, name, ImportScenario.Volume);
}
