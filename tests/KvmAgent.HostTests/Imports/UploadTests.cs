using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Imports;

namespace KvmAgent.HostTests.Imports;

/// <summary>Images that a person sends through the coordinator, to real importers that wait for them.</summary>
public sealed class UploadTests
{
    private const int MiB = 1 << 20;

    private static readonly HttpClient Http = new();

    [Fact]
    public async Task What_is_sent_fills_the_volume()
    {
        await using var cluster = await ImportCluster.StartAsync();
        await ReadyAsync(cluster);
        var disk = Disk();
        (await SendAsync(cluster, new ByteArrayContent(disk))).Status.ShouldBe(HttpStatusCode.OK);
        await cluster.FilledAsync("fedora", disk);
        await cluster.UntilAsync(() => Phase(cluster) == "Succeeded");
        cluster.Annotation("fedora", ImportAnnotations.PodReady).ShouldBeNull();
    }

    [Fact]
    public async Task One_that_breaks_off_is_sent_again()
    {
        await using var cluster = await ImportCluster.StartAsync();
        await ReadyAsync(cluster);
        var disk = Disk();
        using (var broken = new BrokenContent(disk))
        {
            await Should.ThrowAsync<HttpRequestException>(() => SendAsync(cluster, broken));
        }

        await cluster.UntilAsync(async () => (await SendAsync(cluster, new ByteArrayContent(disk))).Status == HttpStatusCode.OK);
        await cluster.FilledAsync("fedora", disk);
        cluster.Node.Started.ShouldBe(1);
    }

    [Fact]
    public async Task What_is_no_image_is_refused()
    {
        await using var cluster = await ImportCluster.StartAsync();
        await ReadyAsync(cluster);
        await SendAsync(cluster, new StringContent("<html>no disk</html>"));
        await cluster.UntilAsync(() => cluster.Phase("fedora") == "Failed" && Phase(cluster) == "Failed");
        cluster.Message("fedora").ShouldContain("the upload");
    }

    [Fact]
    public async Task Who_has_no_token_sends_nothing()
    {
        await using var cluster = await ImportCluster.StartAsync();
        await ReadyAsync(cluster);
        var (url, token) = cluster.Upload("fedora");
        foreach (var wrong in new[] { null, "nonsense", token[..^2] + "AA", $"x{token}" })
        {
            (await SendAsync(url, wrong, new ByteArrayContent([1]))).Status.ShouldBe(HttpStatusCode.Unauthorized);
        }
    }

    [Fact]
    public async Task Nobody_waits_before_it_is_ready()
    {
        await using var cluster = await ImportCluster.StartAsync();
        cluster.Claim("fedora", new Dictionary<string, string>());
        var (status, text) = await SendAsync(cluster, new ByteArrayContent([1]));
        status.ShouldBe(HttpStatusCode.ServiceUnavailable);
        text.ShouldContain("no importer waits for claim golden/fedora");
    }

    private static async Task ReadyAsync(ImportCluster cluster)
    {
        cluster.Server.Create(JsonNode.Parse(
            $$$"""
            {"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": {"name": "fedora", "namespace": "{{{ImportCluster.Namespace}}}"},
             "spec": {"source": {"upload": {} }, "storage": {"resources": {"requests": {"storage": "64Mi"} } } } }
            """)!.AsObject());
        await cluster.UntilAsync(() => Phase(cluster) == "UploadReady");
    }

    private static string? Phase(ImportCluster cluster) =>
        (string?)cluster.Server.Get("cdi.kubevirt.io", "datavolumes", ImportCluster.Namespace, "fedora")!["status"]?["phase"];

    private static Task<(HttpStatusCode Status, string Text)> SendAsync(ImportCluster cluster, HttpContent content) =>
        cluster.Upload("fedora") is var (url, token) ? SendAsync(url, token, content) : throw new InvalidOperationException();

    private static async Task<(HttpStatusCode Status, string Text)> SendAsync(string url, string? token, HttpContent content)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, url + "/v1beta1/upload-async") { Content = content };
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        using var answer = await Http.SendAsync(request);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    /// <summary>With an MBR's signature, so that it is recognised.</summary>
    private static byte[] Disk()
    {
        var disk = new byte[24 * MiB];
        new Random(3).NextBytes(disk.AsSpan(MiB));
        (disk[510], disk[511]) = (0x55, 0xaa);
        return disk;
    }

    /// <summary>Ends in the middle, as a lost connection does.</summary>
    private sealed class BrokenContent(byte[] content) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(content.AsMemory(..(content.Length / 2)));
            await stream.FlushAsync();
            throw new IOException("the cable was pulled");
        }

        protected override bool TryComputeLength(out long length)
        {
            length = content.Length;
            return true;
        }
    }
}
