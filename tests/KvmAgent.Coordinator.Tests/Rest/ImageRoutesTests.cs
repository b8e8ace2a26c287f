using System.Net;
using System.Text.Json.Nodes;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Rest;

/// <summary>Volumes of images, and which machines use what.</summary>
public sealed class ImageRoutesTests : IAsyncLifetime
{
    private const string Images = "/kubevirt/images", Volumes = "/kubevirt/volumes", Shop = "?namespace=shop";

    private ManagementCluster _management = null!;

    public async Task InitializeAsync()
    {
        _management = await ManagementCluster.StartAsync();
        // Pods here are no machines'.
        _management.Cluster.Node.Schedules = false;
    }

    public async Task DisposeAsync() => await _management.DisposeAsync();

    [Theory]
    [InlineData("https://example.com/a.qcow2", "http")]
    [InlineData("s3://bucket/a.qcow2", "s3")]
    [InlineData("docker://quay.io/containerdisks/fedora:41", "registry")]
    public async Task A_urls_volume_has_the_source_of_its_scheme(string url, string source)
    {
        var (code, body) = await _management.PostAsync(Images, new JsonObject
        {
            ["name"] = "fedora",
            ["namespace"] = "shop",
            ["url"] = url,
            ["size_bytes"] = 1 << 30,
            ["storage_class"] = "fast",
            ["volume_mode"] = "Block",
            ["access_modes"] = new JsonArray("ReadWriteMany"),
            ["checksum"] = "sha256:00",
            ["secret"] = "login",
            ["cert_config_map"] = "authorities",
        });
        (code, (string?)body["message"]).ShouldBe((201, "shop/fedora is created"), body.ToJsonString());
        var spec = _management.Cluster.Server.Get("cdi.kubevirt.io", "datavolumes", "shop", "fedora")!["spec"]!;
        spec["source"]!.AsObject().ShouldHaveSingleItem().Key.ShouldBe(source);
        var endpoint = spec["source"]![source]!;
        ((string?)endpoint["url"], (string?)endpoint["checksum"], (string?)endpoint["secretRef"], (string?)endpoint["certConfigMap"]).ShouldBe((url, "sha256:00", "login", "authorities"));
        var storage = spec["storage"]!;
        ((string?)storage["storageClassName"], (string?)storage["volumeMode"], (string?)storage["accessModes"]![0], (string?)storage["resources"]!["requests"]!["storage"])
            .ShouldBe(("fast", "Block", "ReadWriteMany", "1073741824"));
    }

    [Fact]
    public async Task It_is_made_in_the_callers_name_and_sent_to_by_who_may()
    {
        var (code, _) = await _management.PostAsync(Images, new JsonObject { ["name"] = "fedora", ["namespace"] = "shop", ["url"] = "https://example.com/a" }, ManagementCluster.Jane);
        code.ShouldBe((int)HttpStatusCode.Created);
        _management.Cluster.Server.Requests.All.Single(static r => r.Method == "POST" && r.Resource == "datavolumes").User.ShouldBe(ManagementCluster.Jane);
        (code, var body) = await _management.SendAsync(HttpMethod.Patch, Images + "/shop/fedora/upload", token: ManagementCluster.Jane);
        (code, ((string)body["error"]!).Contains("uploadtokenrequests", StringComparison.Ordinal)).ShouldBe((403, true), body.ToJsonString());
        (code, body) = await _management.SendAsync(HttpMethod.Patch, Images + "/shop/none/upload");
        (code, (string?)body["error"]).ShouldBe((412, "the header Tus-Resumable is not 1.0.0, which is spoken here"));
    }

    [Fact]
    public async Task Volumes_and_images_are_told_with_the_machines_that_use_them()
    {
        foreach (var manifest in Yaml.Documents(
            """
            apiVersion: v1
            kind: PersistentVolumeClaim
            metadata: {name: plain, namespace: shop}
            spec: {accessModes: [ReadWriteOnce], volumeMode: Block, storageClassName: fast, resources: {requests: {storage: 2Gi} } }
            status: {phase: Bound, capacity: {storage: 3Gi} }
            ---
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: {name: golden, namespace: shop}
            spec: {source: {http: {url: "https://example.com/golden.img"} }, storage: {resources: {requests: {storage: 1Gi} } } }
            ---
            apiVersion: kubevirt.io/v1
            kind: VirtualMachine
            metadata: {name: web, namespace: shop}
            spec:
              runStrategy: Manual
              dataVolumeTemplates:
              - {metadata: {name: own}, spec: {source: {registry: {url: "docker://quay.io/own:1"} }, storage: {resources: {requests: {storage: 1Gi} } } } }
              template:
                spec:
                  domain: {devices: {} }
                  volumes:
                  - {name: a, persistentVolumeClaim: {claimName: plain} }
                  - {name: b, dataVolume: {name: golden} }
                  - {name: c, containerDisk: {image: "quay.io/containerdisks/fedora:41"} }
            ---
            apiVersion: kubevirt.io/v1
            kind: VirtualMachine
            metadata: {name: db, namespace: shop}
            spec:
              runStrategy: Manual
              template: {spec: {domain: {devices: {} }, volumes: [{name: a, persistentVolumeClaim: {claimName: plain} }] } }
            """))
        {
            _management.Cluster.Server.Create(manifest.AsObject());
        }

        var (_, volumes) = await _management.SendAsync(HttpMethod.Get, Volumes + Shop);
        var plain = volumes["volumes"]!.AsArray().Single(static v => (string?)v!["name"] == "plain")!;
        ((string?)plain["kind"], (string?)plain["phase"], (long)plain["size_bytes"]!, (string?)plain["volume_mode"], (string?)plain["storage_class"])
            .ShouldBe(("PersistentVolumeClaim", "Bound", 3L << 30, "Block", "fast"));
        plain["machines"]!.AsArray().Select(static m => (string?)m).ShouldBe(["shop/db", "shop/web"]);
        var golden = volumes["volumes"]!.AsArray().Single(static v => (string?)v!["name"] == "golden")!;
        ((string?)golden["kind"], (string?)golden["image"], (string?)golden["machines"]![0]).ShouldBe(("DataVolume", "https://example.com/golden.img", "shop/web"));

        var (_, images) = await _management.SendAsync(HttpMethod.Get, Images + "?all_namespaces=true");
        var told = images["images"]!.AsArray().ToDictionary(static i => (string)i!["image"]!, static i => i!["machines"]!.AsArray().Select(static m => (string?)m).ToList());
        told.Keys.ShouldBe(["docker://quay.io/containerdisks/fedora:41", "docker://quay.io/own:1", "https://example.com/golden.img"], ignoreOrder: true);
        told.Values.ShouldAllBe(static m => m.SequenceEqual(new[] { "shop/web" }));
        images["images"]!.AsArray().Single(static i => (string?)i!["image"] == "https://example.com/golden.img")!["volumes"]!.AsArray().Select(static v => (string?)v).ShouldBe(["shop/golden"]);

        (await _management.SendAsync(HttpMethod.Get, Volumes + "/shop/golden")).Body["id"]!.ToString().ShouldBe("shop/golden");
        (await _management.SendAsync(HttpMethod.Get, Volumes + "/shop/none")).Code.ShouldBe((int)HttpStatusCode.NotFound);
        _management.Cluster.Server.AddUser("blind", "blind", static request => !request.Path.Value!.Contains("/persistentvolumeclaims", StringComparison.Ordinal));
        (await _management.SendAsync(HttpMethod.Get, Volumes + Shop, token: "blind")).Code.ShouldBe((int)HttpStatusCode.Forbidden);
    }

    [Theory]
    [InlineData("""{"name": "A"}""", "is no name in Kubernetes")]
    [InlineData("""{"name": "a"}""", "size_bytes is missing; give the size of the disk that will be sent, or the url of one")]
    [InlineData("""{"name": "a", "size_bytes": 0}""", "size_bytes=0 is no size")]
    [InlineData("""{"name": "a", "size_bytes": 1, "secret": "s"}""", "are for a url")]
    [InlineData("""{"name": "a", "url": "file:///etc/passwd"}""", "is none of an image")]
    [InlineData("""{"name": "a", "url": "https://me:pass@example.com/a"}""", "the url has a user in it")]
    [InlineData("""{"name": "a", "url": "https://example.com/a", "volume_mode": "Tape"}""", "volume_mode=\"Tape\" is not known; give Block or Filesystem")]
    public async Task A_wrong_request_is_told_with_its_value_and_the_remedy(string json, string why)
    {
        var (code, body) = await _management.PostTextAsync(Images, json);
        (code, ((string)body["error"]!).Contains(why, StringComparison.Ordinal)).ShouldBe((400, true), body.ToJsonString());
        ((string)body["error"]!).ShouldNotContain("me:pass");
    }
}
