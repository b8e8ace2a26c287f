using System.Text.RegularExpressions;
using KvmAgent.Coordinator.Rest.Templates;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Rest.Templates;

public sealed class MachineTemplateTests
{
    /// <summary>As KubeVirt's common templates are.</summary>
    private const string Fedora =
        """
        apiVersion: template.openshift.io/v1
        kind: Template
        metadata: {name: fedora-server-small, namespace: openshift, annotations: {openshift.io/display-name: Fedora VM}}
        labels: {flavor: "${FLAVOR}"}
        message: made
        objects:
        - apiVersion: kubevirt.io/v1
          kind: VirtualMachine
          metadata: {name: "${NAME}", labels: {app: "${NAME}", flavor: other}}
          spec:
            runStrategy: Halted
            template:
              spec:
                domain: {cpu: {cores: "${{CORES}}"}, memory: {guest: "${MEMORY}Gi"}}
                volumes: [{name: ci, cloudInitNoCloud: {userData: "password: ${PASSWORD}\nruncmd: [echo ${HOME}]"}}]
        parameters:
        - {name: NAME, description: VM name, generate: expression, from: "fedora-[a-z0-9]{16}"}
        - {name: CORES, displayName: Cores, value: "2", required: true}
        - {name: MEMORY, required: true}
        - {name: PASSWORD, generate: expression, from: "[a-z0-9]{4}-[a-z0-9]{4}"}
        - {name: FLAVOR}
        """;

    [Fact]
    public void A_template_of_OpenShifts_makes_its_machine()
    {
        var template = Of(Fedora);
        template.Parameters.Select(static p => p.Name).ShouldBe(["NAME", "CORES", "MEMORY", "PASSWORD", "FLAVOR"]);
        var machine = template.With(new Dictionary<string, string> { ["MEMORY"] = "3", ["FLAVOR"] = "small" });
        ((string)machine["metadata"]!["name"]!).ShouldMatch("^fedora-[a-z0-9]{16}$");
        ((string?)machine["metadata"]!["labels"]!["app"]).ShouldBe((string?)machine["metadata"]!["name"], "it is made up once");
        ((string?)machine["metadata"]!["labels"]!["flavor"]).ShouldBe("small", "the template's labels are all its objects'");
        var spec = machine["spec"]!["template"]!["spec"]!;
        (spec["domain"]!["cpu"]!["cores"]!.ToJsonString(), (string?)spec["domain"]!["memory"]!["guest"]).ShouldBe(("2", "3Gi"));
        ((string)spec["volumes"]![0]!["cloudInitNoCloud"]!["userData"]!).ShouldMatch(@"^password: [a-z0-9]{4}-[a-z0-9]{4}\nruncmd: \[echo \$\{HOME\}\]$");
        var other = template.With(new Dictionary<string, string> { ["MEMORY"] = "3", ["NAME"] = "web" });
        ((string?)other["metadata"]!["name"], (string?)other["metadata"]!["labels"]!["flavor"]).ShouldBe(("web", ""));
    }

    [Fact]
    public void Any_machine_with_names_in_it_is_one() => Of("{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: 'web-${N}'}, spec: {running: '${{ON}}'}}")
        .With(new Dictionary<string, string> { ["N"] = "1", ["ON"] = "false" }).ToJsonString()
        .ShouldBe("""{"apiVersion":"kubevirt.io/v1","kind":"VirtualMachine","metadata":{"name":"web-1"},"spec":{"running":false}}""");

    [Fact]
    public void All_parameters_that_do_not_fit_are_told_at_once()
    {
        Refused(Fedora, ("CORES", ""), ("NAMES", "x"), ("B", "y")).ShouldBe(
            "the template's parameters do not fit: MEMORY missing; CORES required and empty; \"NAMES\", \"B\" unknown; it takes NAME, CORES, MEMORY, PASSWORD, FLAVOR");
        Refused("{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: '${A}', labels: {x: '${B}', y: '${C}'}}}", ("A", "x"), ("C", "")).ShouldBe(
            "the template's parameters do not fit: B missing; C required and empty; it takes A, B, C, and what is to stay, as a shell's, needs a Template that declares the others");
        Refused("{apiVersion: kubevirt.io/v1, kind: VirtualMachine}", ("A", "x")).ShouldBe("the template's parameters do not fit: \"A\" unknown; it takes none");
    }

    [Theory]
    [InlineData("objects: []", "template.objects has no machine; give a kubevirt.io/v1 VirtualMachine")]
    [InlineData("parameters: []", "template.objects has no machine")]
    [InlineData("objects: [3]", "template.objects[0] is no object")]
    [InlineData("objects: [{apiVersion: v1, kind: Secret, metadata: {name: key}}, {apiVersion: kubevirt.io/v1, kind: VirtualMachine}, {apiVersion: apps/v1, kind: Deployment, metadata: {name: d}}]",
        "template.objects has v1 Secret key, apps/v1 Deployment d, and only a VirtualMachine is made; take the others out, and make them by themselves")]
    [InlineData("objects: [{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: a}}, {apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: b}}]",
        "template.objects has kubevirt.io/v1 VirtualMachine a, kubevirt.io/v1 VirtualMachine b; leave one of them")]
    [InlineData("objects: [{apiVersion: kubevirt.io/v1, kind: VirtualMachine}]\nlabels: {a: b}", "without metadata; give it a name")]
    [InlineData(Web + "parameters: [{name: A B}]", "template.parameters[0].name is \"A B\"; give letters, digits and '_'")]
    [InlineData(Web + "parameters: [{value: x}]", "template.parameters[0].name is \"\"")]
    [InlineData(Web + "parameters: [x]", "template.parameters[0] is no object")]
    [InlineData(Web + "parameters: [{name: A}, {name: A}]", "template.parameters has A more than once")]
    [InlineData(Web + "parameters: [{name: A, value: 2}]", "template.parameters[0].value is no text; write it in quotes")]
    [InlineData(Web + "parameters: [{name: A, required: 'yes'}]", "template.parameters[0].required of A is neither true nor false")]
    [InlineData(Web + "parameters: [{name: A, generate: remote}]", "template.parameters[0].generate is \"remote\" of A; only expression is known")]
    [InlineData(Web + "parameters: [{name: A, generate: expression, from: '[a-z]+'}]", "template.parameters[0].from of A: [a-z]+ has a [ that begins no expression")]
    [InlineData(Web + "parameters: [{name: A, generate: expression, from: '[z-a]{3}'}]", "template.parameters[0].from of A: z-a in [z-a] is no range")]
    [InlineData(Web + "parameters: [{name: A, generate: expression, from: '[a-z]{256}'}]", "[a-z]{256} makes none or more than 255 characters")]
    public void What_is_no_template_of_one_machine_is_told_by_its_field(string rest, string why) =>
        Should.Throw<CoordinatorException>(() => Of("apiVersion: template.openshift.io/v1\nkind: Template\n" + rest)).Message.ShouldContain(why);

    [Theory]
    [InlineData("{apiVersion: v1, kind: Pod}", "template is v1 Pod; give a kubevirt.io/v1 VirtualMachine, or a template.openshift.io/v1 Template")]
    [InlineData("{apiVersion: v1, kind: Template}", "template is v1 Template; give")]
    public void Other_kinds_are_refused(string text, string why) => Should.Throw<CoordinatorException>(() => Of(text)).Message.ShouldContain(why);

    [Theory]
    [InlineData("[a-zA-Z0-9]{8}", "^[a-zA-Z0-9]{8}$")]
    [InlineData("vm-[a-f]{3}[0-3]{2}-x", "^vm-[a-f]{3}[0-3]{2}-x$")]
    [InlineData(@"[\w]{40}", @"^\w{40}$")]
    [InlineData(@"[\d]{4}[\a]{30}", "^[0-9]{4}[a-zA-Z0-9]{30}$")]
    [InlineData(@"[\A]{20}", "^[^a-zA-Z0-9 ]{20}$")]
    [InlineData("user[A-Z]{1}", "^user[A-Z]$")]
    [InlineData("plain", "^plain$")]
    [InlineData("", "^$")]
    public void Expressions_make_what_they_say(string from, string expected)
    {
        var text = GeneratedText.Of(from);
        var made = Enumerable.Range(0, 20).Select(_ => text.Next()).ToList();
        made.ShouldAllBe(t => Regex.IsMatch(t, expected));
        (made.Distinct().Count() > 1).ShouldBe(from.Contains('[', StringComparison.Ordinal));
    }

    private const string Web = "objects: [{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: a}}]\n";

    private static MachineTemplate Of(string yaml) => MachineTemplate.Of(Yaml.Documents(yaml).Single().AsObject());

    private static string Refused(string yaml, params (string Name, string Value)[] given) =>
        Should.Throw<CoordinatorException>(() => Of(yaml).With(given.ToDictionary(static g => g.Name, static g => g.Value))).Message;
}
