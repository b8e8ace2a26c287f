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
    public async Task One_that_breaks_off_goes_on_where_it_was()
    {
        await using var cluster = await ImportCluster.StartAsync();
        await ReadyAsync(cluster);
        var disk = Disk();
        using (var broken = new BrokenContent(disk))
        {
            await Should.ThrowAsync<HttpRequestException>(() => SendAsync(cluster, broken));
        }

        var told = await TusAsync(cluster, HttpMethod.Head);
        (told.Status, told.Length).ShouldBe((HttpStatusCode.OK, disk.Length));
        var offset = (int)told.Offset!;
        offset.ShouldBeInRange(1, disk.Length / 2);
        (await TusAsync(cluster, HttpMethod.Patch, offset - 1, disk[(offset - 1)..])).Status.ShouldBe(HttpStatusCode.Conflict);
        (await TusAsync(cluster, HttpMethod.Patch, offset, [.. disk[offset..], 0])).Status.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
        var done = await TusAsync(cluster, HttpMethod.Patch, offset, disk[offset..]);
        (done.Status, done.Offset).ShouldBe((HttpStatusCode.NoContent, disk.Length));
        await cluster.FilledAsync("fedora", disk);
        cluster.Node.Started.ShouldBe(1);
        (await TusAsync(cluster, HttpMethod.Head)).Status.ShouldBe(HttpStatusCode.Gone);
    }

    [Fact]
    public async Task Parts_one_after_another_fill_the_volume()
    {
        await using var cluster = await ImportCluster.StartAsync();
        await ReadyAsync(cluster);
        var disk = Disk();
        (await TusAsync(cluster, HttpMethod.Patch, 0, disk[..MiB])).Status.ShouldBe(HttpStatusCode.BadRequest);
        for (var offset = 0; offset < disk.Length; offset += 5 * MiB)
        {
            var part = disk[offset..Math.Min(disk.Length, offset + 5 * MiB)];
            var answer = await TusAsync(cluster, HttpMethod.Patch, offset, part, total: disk.Length);
            (answer.Status, answer.Offset).ShouldBe((HttpStatusCode.NoContent, offset + part.Length));
        }

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

    private static async Task<(HttpStatusCode Status, long? Offset, long? Length)> TusAsync(
        ImportCluster cluster, HttpMethod method, long? offset = null, byte[]? part = null, long? total = null)
    {
        var (url, token) = cluster.Upload("fedora");
        using var request = new HttpRequestMessage(method, url + "/v1beta1/upload-resumable");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Headers.Add("Tus-Resumable", "1.0.0");
        if (part is not null)
        {
            request.Headers.Add("Upload-Offset", $"{offset}");
            request.Content = new ByteArrayContent(part) { Headers = { ContentType = new MediaTypeHeaderValue("application/offset+octet-stream") } };
        }

        if (total is not null)
        {
            request.Headers.Add("Upload-Length", $"{total}");
        }

        using var answer = await Http.SendAsync(request);
        return (answer.StatusCode, Number("Upload-Offset"), Number("Upload-Length"));

        long? Number(string header) =>
            answer.Headers.TryGetValues(header, out var values) ? long.Parse(values.Single(), System.Globalization.CultureInfo.InvariantCulture) : null;
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
