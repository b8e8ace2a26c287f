using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.ConfigDrive;
using KvmAgent.Documents;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.ConfigDrive;

/// <summary>
/// Debian's cloud-init takes our drives: its own readers, from its package, unpacked and not installed, on the files that xorriso
/// extracts from the image.
/// </summary>
public sealed class CloudInitTests(CloudInitPackage cloudInit) : IClassFixture<CloudInitPackage>, IDisposable
{
    private const string ReadOpenStack = """
        from cloudinit.sources.DataSourceConfigDrive import read_config_drive
        from cloudinit.sources.helpers import openstack
        from cloudinit.sources import convert_vendordata, normalize_pubkey_data
        from cloudinit.net import network_state
        read = read_config_drive(directory)
        config = openstack.convert_net_json(read["networkdata"], known_macs={"52:54:00:12:34:56": "eth0"})
        answer = {
            "id": read["metadata"]["instance-id"], "name": read["metadata"]["local-hostname"], "version": read["version"],
            "keys": normalize_pubkey_data(read["metadata"]["public_keys"]), "meta": read["metadata"]["meta"],
            "user": read["userdata"], "vendor": convert_vendordata(read["vendordata"]).encode(),
            "interfaces": [i["name"] for i in network_state.parse_net_config_data(config).iter_interfaces()],
        }
        """;

    private const string ReadNoCloud = """
        from cloudinit import helpers
        from cloudinit.sources.DataSourceNoCloud import DataSourceNoCloud
        from cloudinit.net import network_state
        paths = helpers.Paths({"cloud_dir": directory + "/var", "run_dir": directory + "/run"})
        source = DataSourceNoCloud({"datasource": {"NoCloud": {"fs_label": None}}}, None, paths)
        source.seed_dirs = [directory]
        assert source._get_data()
        answer = {
            "id": source.metadata["instance-id"], "name": source.metadata["local-hostname"],
            "keys": source.get_public_ssh_keys(), "meta": source.metadata["meta"],
            "user": source.userdata_raw, "vendor": source.vendordata_raw,
            "interfaces": [i["name"] for i in network_state.parse_net_config_data(source.network_config).iter_interfaces()],
        }
        """;

    private const string UserData = "#cloud-config\nhostname: from-user-data # é\n";
    private const string VendorData = "#!/bin/sh\necho vendor\n";

    private readonly string _directory = Directory.CreateTempSubdirectory("cloud-init-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [CloudInitFact]
    public async Task The_openstack_drive_says_to_cloud_init_what_was_given()
    {
        const string network = """
            links: [{id: a, type: phy, ethernet_mac_address: 52:54:00:12:34:56}]
            networks: [{id: n, link: a, type: ipv4_dhcp}]
            """;

        var answer = await ReadAsync(ConfigDriveFormat.OpenStack, network, ReadOpenStack);

        answer["version"]!.GetValue<int>().ShouldBe(2);
        ShouldBeWhatWasGiven(answer);
    }

    [CloudInitFact]
    public async Task The_nocloud_drive_says_to_cloud_init_what_was_given()
    {
        const string network = """
            network:
              version: 2
              ethernets: {eth0: {match: {macaddress: 52:54:00:12:34:56}, dhcp4: yes, dhcp6: no}}
            """;

        ShouldBeWhatWasGiven(await ReadAsync(ConfigDriveFormat.NoCloud, network, ReadNoCloud));
    }

    private static void ShouldBeWhatWasGiven(JsonNode answer)
    {
        answer["id"]!.GetValue<string>().ShouldBe(InstanceId.FromIdentity("default", "web-0").ToString());
        answer["name"]!.GetValue<string>().ShouldBe("db.example");
        answer["keys"]!.ToJsonString().ShouldBe("""["ssh-ed25519 AAAA me","ssh-ed25519 BBBB you"]""");
        var meta = answer["meta"]!;
        meta["version"]!.GetValue<string>().ShouldBe("1.10");
        meta["since"]!.GetValue<string>().ShouldBe("2024-01-01");
        meta["smile"]!.GetValue<string>().ShouldBe("😀\u2028\u007F");
        meta["size"]!.ToJsonString().ShouldBe("123456789012345678901234567890");
        meta["on"]!.GetValue<bool>().ShouldBeTrue();
        Convert.FromHexString(answer["user"]!.GetValue<string>()).ShouldBe(Encoding.UTF8.GetBytes(UserData));
        Convert.FromHexString(answer["vendor"]!.GetValue<string>()).ShouldBe(Encoding.UTF8.GetBytes(VendorData));
        answer["interfaces"]!.ToJsonString().ShouldBe("""["eth0"]""");
    }

    private async Task<JsonNode> ReadAsync(ConfigDriveFormat format, string network, string script)
    {
        const string metadata = """
            local-hostname: db.example
            public-keys: [ssh-ed25519 AAAA me, ssh-ed25519 BBBB you]
            meta: {version: "1.10", since: 2024-01-01, smile: "\U0001F600\u2028\u007F", size: 123456789012345678901234567890, "on": yes}
            """;
        SourceFile File(string path, string text) => new(path, Encoding.UTF8.GetBytes(text));
        var tree = ConfigDriveTree.Create(new ConfigDriveInput
        {
            Format = format,
            VmName = "web-0",
            InstanceId = InstanceId.FromIdentity("default", "web-0"),
            Metadata = File("/metadata", metadata),
            UserData = File("/userdata", UserData),
            VendorData = File("/vendordata", VendorData),
            NetworkData = File("/networkdata", network),
        });
        tree.Warnings.ShouldBeEmpty();
        var (image, extracted) = (Path.Combine(_directory, "config.iso"), Path.Combine(_directory, "drive"));
        ConfigDriveIso.Write(tree, image);
        await ProcessRunner.RunAsync("xorriso", ["-osirrox", "on:auto_chmod_on", "-indev", image, "-extract", "/", extracted]);
        return await cloudInit.RunAsync(extracted, script);
    }
}
