using System.Text.Json.Nodes;
using KvmAgent.Coordinator.History;
using KvmAgent.Coordinator.Rest;
using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Coordinator.WebConsole;
using KvmAgent.TestSupport;

namespace KvmAgent.Coordinator.Tests.Rest;

public sealed class OpenApiTests
{
    private static readonly JsonObject Document = OpenApi.Document(ManagementApi.Routes(null!, new AloneAccess([]), null, new HistoryNews(), null, new Sessions(static () => [], TimeProvider.System), TimeProvider.System));

    [Fact]
    public void The_document_is_the_one_that_is_checked_in() =>
        Golden.ShouldBe(Document.ToJsonString(OpenApi.Indented) + "\n", RepositoryRoot.At("src", "KvmAgent.Coordinator", "Rest", "openapi.json"));

    /// <summary>HyperSDK's nine, to the letter but for its way to write parameters.</summary>
    [Theory]
    [InlineData("post", "/kubevirt/vms/list")]
    [InlineData("get", "/kubevirt/vms/{namespace}/{name}")]
    [InlineData("post", "/kubevirt/vms/{namespace}/{name}/start")]
    [InlineData("post", "/kubevirt/vms/{namespace}/{name}/stop")]
    [InlineData("post", "/kubevirt/vms/{namespace}/{name}/restart")]
    [InlineData("post", "/kubevirt/vms/{namespace}/{name}/migrate")]
    [InlineData("post", "/kubevirt/vms/{namespace}/{name}/snapshot")]
    [InlineData("get", "/kubevirt/vms/{namespace}/{name}/snapshots")]
    [InlineData("post", "/kubevirt/vms/{namespace}/{name}/restore")]
    public void HyperSDKs_routes_are_there(string method, string path) => Document["paths"]![path]?[method].ShouldNotBeNull();

    [Fact]
    public void Every_reference_leads_to_a_schema()
    {
        var schemas = Document["components"]!["schemas"]!.AsObject();
        References(Document).Where(r => !r.StartsWith("#/components/schemas/", StringComparison.Ordinal) || !schemas.ContainsKey(r.Split('/')[^1])).ShouldBeEmpty();
    }

    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonObject map => map.SelectMany(static e => e is { Key: "$ref", Value: JsonValue } ? [e.Value.GetValue<string>()] : References(e.Value)),
        JsonArray list => list.SelectMany(References),
        _ => [],
    };
}
