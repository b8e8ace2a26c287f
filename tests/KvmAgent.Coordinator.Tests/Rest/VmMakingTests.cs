using System.Text.Json.Nodes;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Rest;

/// <summary>Machines of templates, as people make them.</summary>
public sealed class VmMakingTests : IAsyncLifetime
{
    private const string Vms = "/kubevirt/vms", Parameters = "/kubevirt/templates/parameters";

    private ManagementCluster _management = null!;

    public async Task InitializeAsync() => _management = await ManagementCluster.StartAsync();

    public async Task DisposeAsync() => await _management.DisposeAsync();

    [Fact]
    public async Task A_template_makes_a_machine_and_tells_what_it_takes()
    {
        var (code, body) = await _management.PostAsync(Parameters, new JsonObject { ["template"] = Template() });
        (code, body["parameters"]!.ToJsonString(), (int?)body["total"]).ShouldBe((
            200,
            """[{"name":"NAME","display_name":"Name","description":"Of the machine","required":true,"generated":false},{"name":"CORES","value":"1","required":false,"generated":false},{"name":"KEY","required":false,"generated":true}]""",
            3));

        (code, body) = await _management.PostAsync(
            Vms, new JsonObject { ["template"] = Template(), ["namespace"] = "shop", ["parameters"] = new JsonObject { ["NAME"] = "web", ["CORES"] = "2" } });
        (code, (string?)body["id"]).ShouldBe((201, "shop/web"), body.ToJsonString());
        var machine = _management.Cluster.Machine("web")!;
        ((int?)machine["spec"]!["template"]!["spec"]!["domain"]!["cpu"]!["cores"], (string?)machine["metadata"]!["labels"]!["made-by"]).ShouldBe((2, "template"));
        ((string)machine["metadata"]!["annotations"]!["key"]!).ShouldMatch("^[a-z]{8}$");

        (code, body) = await _management.PostAsync(Vms, new JsonObject { ["template"] = Manifest("${NAME}"), ["parameters"] = new JsonObject { ["NAME"] = "db" } });
        (code, (string?)body["id"]).ShouldBe((201, "shop/db"), body.ToJsonString());
    }

    [Fact]
    public async Task A_template_of_the_cluster_is_read_in_the_callers_name()
    {
        var named = new JsonObject { ["template_name"] = "shop/small", ["namespace"] = "shop", ["parameters"] = new JsonObject { ["NAME"] = "web" } };
        (await RefusedAsync(named, 404)).ShouldBe("template shop/small not found in provider \"local\"; where that has no Templates of template.openshift.io, send the template itself");
        _management.Cluster.Server.TakeComplaints().ShouldHaveSingleItem().ShouldContain("nothing that this server has");

        await _management.Cluster.Server.ApplyCrdsAsync(
            """
            apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            metadata: {name: templates.template.openshift.io}
            spec:
              group: template.openshift.io
              scope: Namespaced
              names: {plural: templates, singular: template, kind: Template, listKind: TemplateList}
              versions:
              - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
            """);
        (await RefusedAsync(named, 404)).ShouldStartWith("template shop/small not found");
        _management.Cluster.Server.Create(Template());
        _management.Cluster.Server.AddUser("maker", "maker", static request => !request.Path.Value!.Contains("/templates/", StringComparison.Ordinal));
        (await RefusedAsync(named, 403, "maker")).ShouldContain("forbidden");
        _management.Cluster.Machine("web").ShouldBeNull();

        ((int?)(await _management.PostAsync(Parameters, new JsonObject { ["template_name"] = "shop/small" })).Body["total"]).ShouldBe(3);
        var (code, body) = await _management.PostAsync(Vms, named);
        (code, (string?)body["id"]).ShouldBe((201, "shop/web"), body.ToJsonString());
    }

    [Fact]
    public async Task What_makes_no_sense_is_told_with_its_remedy_and_nothing_is_made()
    {
        var web = Manifest("web").ToJsonString();
        var cases = new (string Body, string Why)[]
        {
            ($$$"""{"manifest":{{{web}}},"template":{}}""", "manifest and template exclude one another; give one of them"),
            ($$$"""{"template":{{{web}}},"template_name":"a/b"}""", "template and template_name exclude one another"),
            ($$$"""{"manifest":{{{web}}},"parameters":{}}""", "parameters are for templates; give the manifest as template"),
            ($$$"""{"manifest":{{{web}}},"namespace":"other"}""", "web is in namespace shop, and namespace says other; give one of them"),
            ($$$"""{"template":{{{web}}},"parameters":{"A":"1"}}""", "the template's parameters do not fit: \"A\" unknown; it takes none"),
            ($$$"""{"template":{{{web}}},"parameters":{"A":null}}""", "parameters.A is null; give text, or leave it out"),
            ($$$"""{"template":{{{web}}},"parameters":{"A":1}}""", "parameters.A"),
            ("""{"template_name":"a/../b"}""", "template_name=\"a/../b\" names no template; write NAME or NAMESPACE/NAME"),
            ("""{"template_name":"shop/.."}""", "template_name=\"shop/..\" names no template"),
            ("""{"template":{"apiVersion":"v1","kind":"Pod"}}""", "template is v1 Pod; give a kubevirt.io/v1 VirtualMachine, or a template.openshift.io/v1 Template"),
            ("""{"template":{"apiVersion":"kubevirt.io/v1","kind":"VirtualMachine"}}""", "the template's machine.metadata.name is missing"),
            ("""{"template":{"a":"\ud800"}}""", "not understood"),
            ("""{"manifest":{"kind":{"a":["\udc00"]}}}""", "not understood"),
            ("""{"template":{"\ud800":1}}""", "not understood"),
            ("""{"manifest":{"kind":"a","kind":"b"}}""", "not understood"),
            ("""{"manifest":{"a":[{"kind":"a","kind":"b"}]}}""", "not understood"),
        };
        foreach (var (text, why) in cases)
        {
            var (code, answer) = await _management.PostTextAsync(Vms, text);
            code.ShouldBe(400, $"{text}: {answer.ToJsonString()}");
            ((string)answer["error"]!).ShouldContain(why, customMessage: text);
        }

        _management.Cluster.Machine("web").ShouldBeNull();
    }

    private async Task<string> RefusedAsync(JsonNode body, int expected, string? token = null)
    {
        var (code, answer) = await _management.PostAsync(Vms, body, token);
        code.ShouldBe(expected, answer.ToJsonString());
        return (string)answer["error"]!;
    }

    private static JsonObject Template() => Yaml.Documents(
        """
        apiVersion: template.openshift.io/v1
        kind: Template
        metadata: {name: small, namespace: shop}
        labels: {made-by: template}
        objects:
        - apiVersion: kubevirt.io/v1
          kind: VirtualMachine
          metadata: {name: "${NAME}", annotations: {key: "${KEY}"}}
          spec:
            runStrategy: Halted
            template: {spec: {domain: {cpu: {cores: "${{CORES}}"}, memory: {guest: 1Gi}, devices: {} }, volumes: [{name: root, emptyDisk: {capacity: 1Gi} } ] } }
        parameters:
        - {name: NAME, displayName: Name, description: Of the machine, required: true}
        - {name: CORES, value: "1"}
        - {name: KEY, generate: expression, from: "[a-z]{8}"}
        """).Single().AsObject();

    private static JsonObject Manifest(string name) => Yaml.Documents(
        $$"""
        apiVersion: kubevirt.io/v1
        kind: VirtualMachine
        metadata: {name: "{{name}}", namespace: {{ManagementCluster.Namespace}} }
        spec:
          runStrategy: Halted
          template: {spec: {domain: {memory: {guest: 1Gi}, devices: {} }, volumes: [{name: root, emptyDisk: {capacity: 1Gi} } ] } }
        """).Single().AsObject();
}
