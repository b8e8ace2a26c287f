using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport;

namespace KvmAgent.Coordinator.Tests.Api;

/// <summary>The chart's files are what the types say; the chart's templates load them, so that an upgrade brings them too.</summary>
public sealed class CustomResourceDefinitionTests
{
    private static readonly string Folder = RepositoryRoot.At("charts", "kvm-coordinator", "files", "crds");

    public static TheoryData<string> Names => [.. CustomResourceDefinitions.All.Select(Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_chart_has_each_as_it_is(string name) =>
        Golden.ShouldBe(YamlText.Of(CustomResourceDefinitions.All.Single(d => Name(d) == name)), Path.Combine(Folder, name + ".yaml"));

    [Fact]
    public void The_chart_has_no_other() =>
        Directory.GetFiles(Folder).Select(Path.GetFileNameWithoutExtension).ShouldBe(CustomResourceDefinitions.All.Select(Name), ignoreOrder: true);

    private static string Name(JsonObject definition) => (string)definition["metadata"]!["name"]!;
}
