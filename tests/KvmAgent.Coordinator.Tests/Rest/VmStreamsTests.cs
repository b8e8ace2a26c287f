using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace KvmAgent.Coordinator.Tests.Rest;

public sealed class VmStreamsTests : IAsyncLifetime
{
    private ManagementCluster _cluster = null!;

    public async Task InitializeAsync() => _cluster = await ManagementCluster.StartAsync();

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task Whoever_watches_is_told_each_change_from_the_opening_on()
    {
        using var http = Client();
        using var answer = await AskAsync(http, $"?namespace={ManagementCluster.Namespace}", _cluster.Cluster.Server.Token);
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
        (await NextAsync(lines)).Name.ShouldBe("open");

        _cluster.Cluster.Apply("a");
        await UntilAsync(lines, static change => (string?)change["type"] == "set" && (string?)change["vm"]!["power_state"] == "running");
        var (code, _) = await _cluster.SendAsync(HttpMethod.Delete, $"/kubevirt/vms/{ManagementCluster.Namespace}/a");
        code.ShouldBe(200);
        var last = await UntilAsync(lines, static change => (string?)change["type"] == "removed");
        ((string?)last["vm"]!["id"]).ShouldBe($"{ManagementCluster.Namespace}/a");
    }

    [Fact]
    public async Task Who_may_not_list_may_not_watch_and_both_scopes_are_none()
    {
        using var http = Client();
        using var jane = await AskAsync(http, $"?namespace={ManagementCluster.Namespace}", ManagementCluster.Jane);
        jane.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        using var both = await AskAsync(http, "?namespace=a&all_namespaces=true", _cluster.Cluster.Server.Token);
        both.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }

    private static async Task<HttpResponseMessage> AskAsync(HttpClient http, string query, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/kubevirt/vms/watch" + query) { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", token) } };
        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    private static async Task<JsonNode> UntilAsync(StreamReader lines, Func<JsonNode, bool> holds)
    {
        while (true)
        {
            var (name, data) = await NextAsync(lines);
            name.ShouldBe("vm");
            if (holds(data))
            {
                return data;
            }
        }
    }

    private static async Task<(string Name, JsonNode Data)> NextAsync(StreamReader lines)
    {
        var (name, data) = ("", "");
        while (true)
        {
            var line = await lines.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60)) ?? throw new EndOfStreamException();
            if (line.StartsWith("event: ", StringComparison.Ordinal))
            {
                name = line["event: ".Length..];
            }
            else if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                data = line["data: ".Length..];
            }
            else if (line.Length == 0 && name.Length > 0)
            {
                return (name, JsonNode.Parse(data)!);
            }
        }
    }

    private HttpClient Client() => new(new HttpClientHandler { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true }) { BaseAddress = _cluster.Address };
}
