using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.ConfigDrive;
using KvmAgent.Documents;

namespace KvmAgent.Tests.ConfigDrive;

public sealed class ConfigDriveTreeTests
{
    private const string Latest = "openstack/latest/";

    private static readonly Guid Id = InstanceId.FromIdentity("default", "web-0");

    [Fact]
    public void Without_any_file_the_guest_still_gets_its_id_and_name()
    {
        var openStack = OpenStack();
        openStack.Label.ShouldBe("config-2");
        Paths(openStack).ShouldBe([Latest + "meta_data.json"]);
        Json(openStack, Latest + "meta_data.json").ShouldBe($$"""{"uuid":"{{Id}}","hostname":"web-0"}""");

        var noCloud = NoCloud();
        noCloud.Label.ShouldBe("cidata");
        Paths(noCloud).ShouldBe(["meta-data", "user-data"]);
        Json(noCloud, "meta-data").ShouldBe($$"""{"instance-id":"{{Id}}","local-hostname":"web-0"}""");
        Text(noCloud, "user-data").ShouldBeEmpty();
    }

    [Theory]
    [InlineData("uuid: i-1\nhostname: db")]
    [InlineData("instance-id: i-1\nlocal-hostname: db")]
    [InlineData("""{"instance-id": "i-1", "hostname": "db"}""")]
    public void Either_spelling_is_written_in_the_formats_own(string metadata)
    {
        Json(OpenStack(metadata), Latest + "meta_data.json").ShouldBe("""{"uuid":"i-1","hostname":"db"}""");
        Json(NoCloud(metadata), "meta-data").ShouldBe("""{"instance-id":"i-1","local-hostname":"db"}""");
    }

    [Fact]
    public void The_formats_own_spelling_wins_and_the_other_is_told_to_be_ignored()
    {
        const string both = "uuid: one\ninstance-id: two\nlocal-hostname: ~\nhostname: db";

        var openStack = OpenStack(both);
        Json(openStack, Latest + "meta_data.json").ShouldBe("""{"uuid":"one","hostname":"db"}""");
        openStack.Warnings.ShouldBe(["/metadata has both uuid and instance-id, which mean the same: instance-id is ignored"]);

        var noCloud = NoCloud(both);
        Json(noCloud, "meta-data").ShouldBe("""{"instance-id":"two","local-hostname":"db"}""");
        noCloud.Warnings.ShouldBe(["/metadata has both instance-id and uuid, which mean the same: uuid is ignored"]);
    }

    [Fact]
    public void Names_that_look_like_something_else_stay_as_they_were_written() =>
        Json(OpenStack("uuid: 2024_01\nhostname: 1.10"), Latest + "meta_data.json").ShouldBe("""{"uuid":"2024_01","hostname":"1.10"}""");

    [Fact]
    public void All_other_keys_go_through() =>
        Json(OpenStack("meta: {role: web, version: 1.10}\nrandom_seed: aGk=\nfiles: []"), Latest + "meta_data.json")
            .ShouldBe($$$"""{"uuid":"{{{Id}}}","hostname":"web-0","meta":{"role":"web","version":1.10},"random_seed":"aGk=","files":[]}""");

    [Theory]
    [InlineData("public-keys: ssh-rsa A", "key:ssh-rsa A")]
    [InlineData("public_keys: |\n  ssh-rsa A\n\n  ssh-rsa B\n", "key:ssh-rsa A", "key-2:ssh-rsa B")]
    [InlineData("public-keys: [ssh-rsa A, ssh-rsa B, ssh-rsa C]", "key:ssh-rsa A", "key-2:ssh-rsa B", "key-3:ssh-rsa C")]
    [InlineData("public_keys: {me: ssh-rsa A, you: ssh-rsa B}", "me:ssh-rsa A", "you:ssh-rsa B")]
    [InlineData("public_keys: {me: [ssh-rsa A, ssh-rsa B], me-2: ssh-rsa C}", "me:ssh-rsa A", "me-2:ssh-rsa B", "me-2-2:ssh-rsa C")]
    [InlineData("public-keys: {0: {openssh-key: ssh-rsa A}}", "0:ssh-rsa A")]
    [InlineData("public-keys: ~")]
    public void Ssh_keys_come_in_all_shapes_that_clouds_know(string metadata, params string[] keys)
    {
        var openStack = JsonNode.Parse(Text(OpenStack(metadata), Latest + "meta_data.json"))!["public_keys"]?.AsObject();
        (openStack?.Select(key => $"{key.Key}:{key.Value}") ?? []).ShouldBe(keys);

        var noCloud = JsonNode.Parse(Text(NoCloud(metadata), "meta-data"))!["public-keys"]?.AsArray();
        (noCloud?.Select(key => key!.GetValue<string>()) ?? []).ShouldBe(keys.Select(key => key.Split(':')[1]));
    }

    [Theory]
    [InlineData("- a", "/metadata:1:1: expected a mapping")]
    [InlineData("just text", "/metadata:1:1: expected a mapping")]
    [InlineData("hostname: [a]", "/metadata:1:11: the host name is empty, a list or a mapping; expected text")]
    [InlineData("hostname: ''", "/metadata:1:11: the host name is empty, a list or a mapping; expected text")]
    [InlineData("\nuuid: {a: b}", "/metadata:2:7: the instance-id is empty")]
    [InlineData("public_keys: 12", "/metadata:1:14: expected an SSH public key")]
    [InlineData("random_seed: '*'", "/metadata:1:14: random_seed: expected base64")]
    [InlineData("files: [{path: /a, content_path: /content/0}]", "/metadata:1:8: files: this drive has no further files; use write_files")]
    [InlineData("network_config: {content_path: /content/1}", "/metadata:1:17: network_config: this drive has no further files")]
    public void Metadata_that_guests_would_not_take_is_refused(string metadata, string message)
    {
        var error = Should.Throw<AgentException>(() => OpenStack(metadata));

        error.Reason.ShouldBe(FailureReason.Refused);
        error.Message.ShouldStartWith(message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing yet\n")]
    public void Empty_metadata_is_like_none(string metadata) =>
        Json(OpenStack(metadata), Latest + "meta_data.json").ShouldBe($$"""{"uuid":"{{Id}}","hostname":"web-0"}""");

    [Fact]
    public void User_data_goes_through_byte_for_byte()
    {
        byte[] gzip = [0x1F, 0x8B, 8, 0, 0xFF, 0xFE, 0, 13, 10];

        var openStack = Tree(ConfigDriveFormat.OpenStack, userData: gzip);
        Content(openStack, Latest + "user_data").ShouldBe(gzip);
        openStack.Warnings.ShouldBeEmpty();
        Content(Tree(ConfigDriveFormat.NoCloud, userData: gzip), "user-data").ShouldBe(gzip);
    }

    [Theory]
    [InlineData("#cloud-config\nusers: []\n")]
    [InlineData("#cloud-config\r\nusers: []\r\n")]
    [InlineData("#!/bin/sh\n")]
    [InlineData("#include\nhttp://example/\n")]
    [InlineData("## template: jinja\n#cloud-config\n")]
    [InlineData("Content-Type: multipart/mixed; boundary=x\n")]
    [InlineData("\n  {\"ignition\": {\"version\": \"3.3.0\"}}")]
    [InlineData("<powershell>\n")]
    public void Known_user_data_is_no_matter_for_a_warning(string userData) =>
        Tree(ConfigDriveFormat.OpenStack, userData: Encoding.UTF8.GetBytes(userData)).Warnings.ShouldBeEmpty();

    [Theory]
    [InlineData("users: []\n")]
    [InlineData("\uFEFF#cloud-config\n")]
    [InlineData(" #cloud-config\n")]
    public void User_data_that_guests_ignore_is_warned_of_but_passed_on(string userData)
    {
        var tree = Tree(ConfigDriveFormat.OpenStack, userData: Encoding.UTF8.GetBytes(userData));

        tree.Warnings.Single().ShouldContain("/userdata begins like nothing that guests know");
        Text(tree, Latest + "user_data").ShouldBe(userData);
    }

    [Fact]
    public void Empty_user_data_is_left_out_with_a_warning()
    {
        var tree = Tree(ConfigDriveFormat.OpenStack, userData: []);

        Paths(tree).ShouldBe([Latest + "meta_data.json"]);
        tree.Warnings.ShouldBe(["/userdata is empty and is left out"]);
        Paths(Tree(ConfigDriveFormat.NoCloud, userData: [])).ShouldBe(["meta-data", "user-data"]);
    }

    [Theory]
    [InlineData("#cloud-config\npackages: [a]\n", """{"cloud-init":"#cloud-config\npackages: [a]\n"}""")]
    [InlineData("#!/bin/sh\ntrue\n", """{"cloud-init":"#!/bin/sh\ntrue\n"}""")]
    [InlineData("cloud-init: |\n  #cloud-config\nother: 1.10\n", """{"cloud-init":"#cloud-config\n","other":1.10}""")]
    [InlineData("""{"cloud-init": ["#!/bin/sh", "#cloud-config"]}""", """{"cloud-init":["#!/bin/sh","#cloud-config"]}""")]
    public void Vendor_data_is_json_to_openstack(string vendorData, string json)
    {
        var tree = Tree(ConfigDriveFormat.OpenStack, vendorData: vendorData);

        Json(tree, Latest + "vendor_data.json").ShouldBe(json);
        tree.Warnings.ShouldBeEmpty();
        Text(Tree(ConfigDriveFormat.NoCloud, vendorData: vendorData), "vendor-data").ShouldBe(vendorData);
    }

    [Fact]
    public void Vendor_data_of_which_cloud_init_takes_nothing_is_warned_of() =>
        Tree(ConfigDriveFormat.OpenStack, vendorData: "packages: [a]").Warnings.Single().ShouldContain("/vendordata has no key cloud-init");

    [Fact]
    public void Vendor_data_that_json_cannot_hold_is_refused() =>
        Should.Throw<AgentException>(() => Tree(ConfigDriveFormat.OpenStack, vendorData: "\u001F\u008B", encoding: Encoding.Latin1))
            .Message.ShouldStartWith("/vendordata is compressed");

    [Fact]
    public void Network_data_goes_to_the_format_that_knows_it()
    {
        const string links = "links: [{id: a, ethernet_mac_address: 52:54:00:12:34:56}]\nnetworks: []";
        const string netplan = "version: 2\nethernets: {eth0: {dhcp4: no}}";

        Json(Tree(ConfigDriveFormat.OpenStack, networkData: links), Latest + "network_data.json")
            .ShouldBe("""{"links":[{"id":"a","ethernet_mac_address":"52:54:00:12:34:56"}],"networks":[]}""");
        Json(Tree(ConfigDriveFormat.NoCloud, networkData: netplan), "network-config")
            .ShouldBe("""{"version":2,"ethernets":{"eth0":{"dhcp4":false}}}""");
        Json(Tree(ConfigDriveFormat.NoCloud, networkData: "network:\n  version: 1\n  config: []"), "network-config")
            .ShouldBe("""{"version":1,"config":[]}""");

        Should.Throw<AgentException>(() => Tree(ConfigDriveFormat.OpenStack, networkData: netplan))
            .Message.ShouldStartWith("/networkdata:1:10: \"version\" belongs to");
        Should.Throw<AgentException>(() => Tree(ConfigDriveFormat.NoCloud, networkData: links))
            .Message.ShouldContain("CONFIG_DRIVE=openstack");
        Paths(Tree(ConfigDriveFormat.OpenStack, networkData: "# none\n")).ShouldBe([Latest + "meta_data.json"]);
    }

    [Fact]
    public void The_instance_id_stays_for_a_vm_and_differs_between_two()
    {
        InstanceId.FromIdentity("default", "web-0").ShouldBe(Id);
        // A release that changed it would make every cloud-init guest start over.
        Id.ToString().ShouldBe("2eec72e4-f040-8ffb-93d3-4064c2c44666");
        Id.Version.ShouldBe(8);
        new[] { ("default", "web-1"), ("other", "web-0"), ("defaultweb", "-0") }
            .Select(vm => InstanceId.FromIdentity(vm.Item1, vm.Item2)).Append(Id).Distinct().Count().ShouldBe(4);
    }

    private static ConfigDriveTree OpenStack(string? metadata = null) => Tree(ConfigDriveFormat.OpenStack, metadata);

    private static ConfigDriveTree NoCloud(string? metadata = null) => Tree(ConfigDriveFormat.NoCloud, metadata);

    private static ConfigDriveTree Tree(
        ConfigDriveFormat format,
        string? metadata = null,
        byte[]? userData = null,
        string? vendorData = null,
        string? networkData = null,
        Encoding? encoding = null)
    {
        SourceFile? File(string path, string? text) => text is null ? null : new SourceFile(path, (encoding ?? Encoding.UTF8).GetBytes(text));
        return ConfigDriveTree.Create(new ConfigDriveInput
        {
            Format = format,
            VmName = "web-0",
            InstanceId = Id,
            Metadata = File("/metadata", metadata),
            UserData = userData is null ? null : new SourceFile("/userdata", userData),
            VendorData = File("/vendordata", vendorData),
            NetworkData = File("/networkdata", networkData),
        });
    }

    private static IEnumerable<string> Paths(ConfigDriveTree tree) => tree.Files.Select(file => file.Path);

    private static byte[] Content(ConfigDriveTree tree, string path) => tree.Files.Single(file => file.Path == path).Content.ToArray();

    private static string Text(ConfigDriveTree tree, string path) => Encoding.UTF8.GetString(Content(tree, path));

    private static string Json(ConfigDriveTree tree, string path) => JsonNode.Parse(Text(tree, path))!.ToJsonString();
}
