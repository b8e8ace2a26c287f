using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Rest;
using KvmAgent.Coordinator.WebConsole;

namespace KvmAgent.Coordinator.Tests.WebConsole;

/// <summary>What a browser asks for, over the real listener.</summary>
public sealed class ConsoleTests : IAsyncLifetime
{
    private ManagementCluster _cluster = null!;

    public async Task InitializeAsync() => _cluster = await ManagementCluster.StartAsync();

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task The_page_and_what_it_loads_come_from_here_alone()
    {
        using var http = Client();
        using var page = await http.GetAsync("/");
        var policy = page.Headers.GetValues("Content-Security-Policy").Single();
        policy.ShouldContain("default-src 'none'; script-src 'self';");
        policy.ShouldContain("frame-ancestors 'none'");
        policy.ShouldNotContain("unsafe");
        var text = await page.Content.ReadAsStringAsync();
        var nonce = text.Split("style-nonce\" content=\"")[1].Split('"')[0];
        policy.ShouldContain($"'nonce-{nonce}'");
        (await http.GetStringAsync("/")).ShouldNotContain(nonce);
        page.Headers.GetValues("X-Content-Type-Options").Single().ShouldBe("nosniff");

        // Every module that one of ours imports is there, as far as they go.
        var seen = new HashSet<string>();
        var left = new Queue<string>(["/console/app.js", "/console/app.css", "/console/xterm/xterm.css", "/console/icon.svg"]);
        while (left.TryDequeue(out var path))
        {
            if (!seen.Add(path))
            {
                continue;
            }

            using var file = await http.GetAsync(path);
            file.StatusCode.ShouldBe(HttpStatusCode.OK, path);
            var content = await file.Content.ReadAsStringAsync();
            if (file.Content.Headers.ContentType!.MediaType == "text/javascript")
            {
                foreach (var import in System.Text.RegularExpressions.Regex.Matches(content, "(?:(?:^|\\s)(?:import|export)[^\"';]*?from\\s*|\\bimport\\()[\"']([^\"']+)[\"']").Select(static m => m.Groups[1].Value))
                {
                    import.ShouldStartWith(".", customMessage: path);
                    left.Enqueue(new Uri(new Uri(_cluster.Address, path), import).AbsolutePath);
                }
            }
        }

        seen.Count.ShouldBeGreaterThan(50);
        using var again = new HttpRequestMessage(HttpMethod.Get, "/console/app.js");
        using var first = await http.GetAsync("/console/app.js");
        again.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using var second = await http.SendAsync(again);
        second.StatusCode.ShouldBe(HttpStatusCode.NotModified);
        using var none = await http.GetAsync("/console/../Program.cs");
        none.StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_session_begins_with_a_token_does_what_its_owner_may_and_ends()
    {
        using var http = Client();
        using var wrong = await LogInAsync(http, "nobodys");
        wrong.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        using var login = await LogInAsync(http, _cluster.Cluster.Server.Token);
        login.StatusCode.ShouldBe(HttpStatusCode.Created);
        var session = (await login.Content.ReadFromJsonAsync<JsonNode>())!;
        var mark = (string)session["mark"]!;
        (await http.GetFromJsonAsync<JsonNode>("/session"))!["mark"]!.GetValue<string>().ShouldBe(mark);

        (await PostAsync(http, "/kubevirt/vms/list", mark, _cluster.Address.GetLeftPart(UriPartial.Authority))).ShouldBe(HttpStatusCode.OK);
        (await PostAsync(http, "/kubevirt/vms/list", null, _cluster.Address.GetLeftPart(UriPartial.Authority))).ShouldBe(HttpStatusCode.Forbidden);
        (await PostAsync(http, "/kubevirt/vms/list", mark, "https://evil.example")).ShouldBe(HttpStatusCode.Forbidden);

        using var end = new HttpRequestMessage(HttpMethod.Delete, "/session") { Headers = { { Sessions.MarkHeader, mark }, { "Origin", _cluster.Address.GetLeftPart(UriPartial.Authority) } } };
        using var ended = await http.SendAsync(end);
        ended.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var after = await http.GetAsync("/session");
        after.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Another_sites_page_gets_no_stream()
    {
        using var http = Client();
        using var login = await LogInAsync(http, _cluster.Cluster.Server.Token);
        var cookie = login.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
        using var socket = new ClientWebSocket();
        using var invoker = new HttpMessageInvoker(new HttpClientHandler { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true, UseCookies = false });
        socket.Options.SetRequestHeader("Cookie", cookie);
        socket.Options.SetRequestHeader("Origin", "https://evil.example");
        socket.Options.CollectHttpResponseDetails = true;
        var address = new UriBuilder(_cluster.Address) { Scheme = "wss", Path = "/kubevirt/vms/default/a/vnc" }.Uri;
        await Should.ThrowAsync<WebSocketException>(() => socket.ConnectAsync(address, invoker, CancellationToken.None));
        socket.HttpStatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    private HttpClient Client() => new(new HttpClientHandler { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true, CookieContainer = new CookieContainer() }) { BaseAddress = _cluster.Address };

    private static async Task<HttpResponseMessage> LogInAsync(HttpClient http, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/session") { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", token) } };
        return await http.SendAsync(request);
    }

    private static async Task<HttpStatusCode> PostAsync(HttpClient http, string path, string? mark, string origin)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(new JsonObject { ["all_namespaces"] = true }), Headers = { { "Origin", origin } } };
        if (mark is not null)
        {
            request.Headers.Add(Sessions.MarkHeader, mark);
        }

        using var answer = await http.SendAsync(request);
        return answer.StatusCode;
    }
}
