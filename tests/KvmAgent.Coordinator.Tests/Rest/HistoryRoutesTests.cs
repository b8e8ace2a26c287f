using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Store;
using KvmAgent.Coordinator.Tests.Support;

namespace KvmAgent.Coordinator.Tests.Rest;

/// <summary>What happened to machines, asked for by people.</summary>
public sealed class HistoryRoutesTests : IAsyncLifetime
{
    private const string Events = "/kubevirt/events", Shop = "?namespace=" + ManagementCluster.Namespace;

    private TestDatabase? _database;
    private ManagementCluster _management = null!;

    public async Task InitializeAsync() => _management = await ManagementCluster.StartAsync(database: _database = TestDatabase.OfFile());

    public async Task DisposeAsync()
    {
        await _management.DisposeAsync();
        await _database!.DisposeAsync();
    }

    [Fact]
    public async Task A_machines_life_is_told_and_a_part_of_it_is_found()
    {
        await LiveAsync("web");
        await UntilAsync(Shop + "&name=web", static all => all.Any(static e => (string?)e["type"] == "deleted"));
        var all = await ListAsync(Shop + "&limit=1000&name=web");
        var changes = all.Where(static e => (string?)e["type"] != "event").ToList();
        ((string?)changes[0]["type"], (string?)changes[^1]["type"], (string?)changes[^1]["namespace"]).ShouldBe(("created", "deleted", ManagementCluster.Namespace));
        changes.Select(static e => (string?)e["power_state"]).ShouldContain("running");
        all.ShouldContain(static e => (string?)e["reason"] == "SuccessfulCreate" && (string?)e["severity"] == "Normal");

        (await ListAsync(Shop + "&type=deleted")).ShouldHaveSingleItem();
        (await ListAsync(Shop + "&name=none")).ShouldBeEmpty();
        (await ListAsync("?all_namespaces=true&limit=1")).ShouldHaveSingleItem();
        (await ListAsync(Shop + "&until=2001-01-01T00:00:00Z")).ShouldBeEmpty();
        (await ListAsync(Shop + "&since=2001-01-01T00:00:00Z&type=created")).ShouldHaveSingleItem();

        // In pages, from the beginning.
        var ids = new List<long>();
        for (long? after = 0; after is not null;)
        {
            var (_, page) = await _management.SendAsync(HttpMethod.Get, $"{Events}{Shop}&limit=2&after={after}");
            ids.AddRange(page["events"]!.AsArray().Select(static e => (long)e!["id"]!));
            after = (long?)page["continue"];
        }

        ids.ShouldBe((await ListAsync(Shop + "&limit=1000")).Select(static e => (long)e["id"]!));
    }

    [Fact]
    public async Task A_watch_goes_on_behind_the_last_id_and_misses_nothing_across_a_restart()
    {
        _management.Cluster.Apply("web");
        await _management.Cluster.RunningAsync("web");
        using var http = Client();
        var last = 0L;
        using (var answer = await AskAsync(http, Shop + "&type=changed&after=0"))
        {
            using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
            (await NextAsync(lines)).Name.ShouldBe("open");
            for (var state = ""; state != "running";)
            {
                var next = await NextAsync(lines);
                next.Name.ShouldBe("happened");
                (state, last) = ((string)next.Data["power_state"]!, next.Id!.Value);
                last.ShouldBe((long)next.Data["id"]!);
            }
        }

        await _management.EndAsync();
        _management.Cluster.Server.Delete("kubevirt.io", "virtualmachines", ManagementCluster.Namespace, "web", "Background");
        _management.Cluster.Apply("other", "Halted");
        await _management.BeginAsync();

        using var again = Client();
        using (var answer = await AskAsync(again, Shop, last))
        {
            using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
            (await NextAsync(lines)).Name.ShouldBe("open");
            var seen = new List<string>();
            while (!seen.Contains("web deleted") || !seen.Contains("other created"))
            {
                var next = await NextAsync(lines);
                next.Name.ShouldBe("happened");
                next.Id!.Value.ShouldBeGreaterThan(last);
                last = next.Id.Value;
                seen.Add($"{next.Data["name"]} {next.Data["type"]}");
            }

            seen.Distinct().Count(static s => s == "web deleted").ShouldBe(1);
        }
    }

    [Fact]
    public async Task A_watch_begins_now_where_nobody_says_where_and_tells_where_something_is_missing()
    {
        await LiveAsync("web");
        await UntilAsync(Shop, static all => all.Any(static e => (string?)e["type"] == "deleted"));
        using var http = Client();
        using var answer = await AskAsync(http, Shop + "&name=db&type=created");
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
        (await NextAsync(lines)).Name.ShouldBe("open");
        _management.Cluster.Apply("db", "Halted");
        ((string?)(await NextAsync(lines)).Data["name"]).ShouldBe("db");

        // Of a database that is another's.
        using var other = await AskAsync(http, Shop, 1_000_000);
        using var gap = new StreamReader(await other.Content.ReadAsStreamAsync());
        (await NextAsync(gap)).Name.ShouldBe("open");
        (await NextAsync(gap)).ShouldSatisfyAllConditions(n => n.Name.ShouldBe("gap"), n => ((long)n.Data["after"]!).ShouldBe(0));
        (await NextAsync(gap)).Name.ShouldBe("happened");
    }

    [Fact]
    public async Task It_is_told_to_who_may_list_machines_there()
    {
        _management.Cluster.Server.Access = static spec => (string?)spec["user"] != ManagementCluster.Jane || (string?)spec["resourceAttributes"]?["namespace"] == "own";
        foreach (var path in new[] { Events + Shop, Events + "/watch" + Shop, Events + "?all_namespaces=true" })
        {
            var (code, body) = await _management.SendAsync(HttpMethod.Get, path, token: ManagementCluster.Jane);
            code.ShouldBe((int)HttpStatusCode.Forbidden, body.ToJsonString());
        }

        (await _management.SendAsync(HttpMethod.Get, Events + "?namespace=own", token: ManagementCluster.Jane)).Code.ShouldBe(200);
    }

    [Theory]
    [InlineData("?namespace=a&all_namespaces=true", "exclude one another")]
    [InlineData("?type=lost", "type=\"lost\" is not known; give created, changed, restarted, deleted, event")]
    [InlineData("?since=yesterday", "since=\"yesterday\" is no time")]
    [InlineData("?after=-1", "after=\"-1\" is no whole number")]
    [InlineData("?limit=0", "limit=0 is not possible")]
    public async Task A_wrong_request_is_told_with_its_value_and_the_remedy(string query, string why)
    {
        var (code, body) = await _management.SendAsync(HttpMethod.Get, Events + query);
        (code, ((string)body["error"]!).Contains(why, StringComparison.Ordinal)).ShouldBe((400, true), body.ToJsonString());
    }

    [Fact]
    public async Task Without_a_database_it_is_told_which_setting_gives_one()
    {
        await using var none = await ManagementCluster.StartAsync();
        foreach (var path in new[] { Events, Events + "/watch" })
        {
            var (code, body) = await none.SendAsync(HttpMethod.Get, path);
            (code, ((string)body["error"]!).Contains("set DATABASE_FILE or DATABASE_CONNECTION_FILE", StringComparison.Ordinal)).ShouldBe((501, true), body.ToJsonString());
        }
    }

    private async Task LiveAsync(string name)
    {
        _management.Cluster.Apply(name);
        await _management.Cluster.RunningAsync(name);
        await _management.ShownAsync(name, "running");
        // Whoever comes and goes before anybody writes is not seen.
        await UntilAsync($"{Shop}&name={name}", static all => all.Any(static e => (string?)e["power_state"] == "running"));
        _management.Cluster.Delete(name);
        await _management.Cluster.GoneAsync(name);
    }

    private async Task<IReadOnlyList<JsonNode>> ListAsync(string query)
    {
        var (code, body) = await _management.SendAsync(HttpMethod.Get, Events + query);
        code.ShouldBe(200, body.ToJsonString());
        return [.. body["events"]!.AsArray().Select(static e => e!)];
    }

    private Task UntilAsync(string query, Func<IReadOnlyList<JsonNode>, bool> holds) => Until.TrueAsync(async () => holds(await ListAsync(query)), query);

    private async Task<HttpResponseMessage> AskAsync(HttpClient http, string query, long? last = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{Events}/watch{query}");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _management.Cluster.Server.Token);
        if (last is not null)
        {
            request.Headers.Add("Last-Event-ID", $"{last}");
        }

        var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        return answer;
    }

    private static async Task<(string Name, JsonNode Data, long? Id)> NextAsync(StreamReader lines)
    {
        var (name, data, id) = ("", "", (long?)null);
        while (true)
        {
            var line = await lines.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60)) ?? throw new EndOfStreamException();
            switch (line.Split(": ", 2))
            {
                case ["id", var value]:
                    id = long.Parse(value);
                    break;
                case ["event", var value]:
                    name = value;
                    break;
                case ["data", var value]:
                    data = value;
                    break;
                case [""] when name.Length > 0:
                    return (name, JsonNode.Parse(data)!, id);
            }
        }
    }

    private HttpClient Client() => new(new HttpClientHandler { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true }) { BaseAddress = _management.Address };
}
