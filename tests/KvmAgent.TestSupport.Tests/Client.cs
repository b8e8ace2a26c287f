using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.TestSupport.Tests;

/// <summary>A plain HTTP client: what is sent is seen in the test.</summary>
internal sealed class Client : IDisposable
{
    public const string Merge = "application/merge-patch+json", Json6902 = "application/json-patch+json",
        Strategic = "application/strategic-merge-patch+json", Apply = "application/apply-patch+yaml";

    private readonly HttpClient _http;

    public Client(TestApiServer server, string? token = null)
    {
        _http = new HttpClient { BaseAddress = server.Address, Timeout = TimeSpan.FromSeconds(30) };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token ?? server.Token);
    }

    public HttpClient Http => _http;

    public Task<(int Code, JsonObject Body)> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    public Task<(int Code, JsonObject Body)> PostAsync(string path, string body) => SendAsync(HttpMethod.Post, path, body);

    public Task<(int Code, JsonObject Body)> PutAsync(string path, string body) => SendAsync(HttpMethod.Put, path, body);

    public Task<(int Code, JsonObject Body)> PatchAsync(string path, string type, string body) => SendAsync(HttpMethod.Patch, path, body, type);

    public Task<(int Code, JsonObject Body)> ApplyAsync(string path, string manager, string body, bool force = false) =>
        PatchAsync($"{path}?fieldManager={manager}{(force ? "&force=true" : "")}", Apply, body);

    public Task<(int Code, JsonObject Body)> DeleteAsync(string path, string? options = null) => SendAsync(HttpMethod.Delete, path, options);

    public async Task<(int Code, JsonObject Body)> SendAsync(HttpMethod method, string path, string? body = null, string type = "application/json")
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, type);
        }

        using var response = await _http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return ((int)response.StatusCode, text.StartsWith('{') ? JsonNode.Parse(text)!.AsObject() : new JsonObject { ["text"] = text });
    }

    public async Task<Watch> WatchAsync(string path)
    {
        var response = await _http.GetAsync($"{path}{(path.Contains('?', StringComparison.Ordinal) ? "&" : "?")}watch=1", HttpCompletionOption.ResponseHeadersRead);
        ((int)response.StatusCode).ShouldBe(200);
        return new Watch(response, new StreamReader(await response.Content.ReadAsStreamAsync()));
    }

    public void Dispose() => _http.Dispose();
}

/// <summary>A watch, event by event.</summary>
internal sealed class Watch(HttpResponseMessage response, StreamReader reader) : IDisposable
{
    /// <summary>The next event as "TYPE name"; null once the watch ended.</summary>
    public async Task<string?> NextAsync() => await NextObjectAsync() is { } next ? $"{next["type"]} {next["object"]!["metadata"]!["name"]}" : null;

    public async Task<JsonObject?> NextObjectAsync()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        return await reader.ReadLineAsync(deadline.Token) is { } line ? JsonNode.Parse(line)!.AsObject() : null;
    }

    public void Dispose()
    {
        reader.Dispose();
        response.Dispose();
    }
}
