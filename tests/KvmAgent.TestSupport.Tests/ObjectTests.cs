using System.Text.Json.Nodes;
using static KvmAgent.TestSupport.Tests.Samples;

namespace KvmAgent.TestSupport.Tests;

public sealed class ObjectTests : ServerTest
{
    [Fact]
    public async Task A_created_object_has_what_the_server_gives_and_is_read_back()
    {
        var (code, created) = await Client.PostAsync(Maps, Map("a", ",\"uid\":\"mine\",\"creationTimestamp\":null", """{"k":"v"}"""));
        code.ShouldBe(201);
        created.Uid().ShouldNotBe("mine");
        created["metadata"]!["creationTimestamp"]!.GetValue<string>().ShouldMatch(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$");
        created["metadata"]!["namespace"]!.GetValue<string>().ShouldBe("default");
        created["metadata"]!["selfLink"].ShouldBeNull();
        var (_, read) = await Client.GetAsync($"{Maps}/a");
        JsonNode.DeepEquals(read, created).ShouldBeTrue();
        Server.Get("", "configmaps", "default", "a")!["data"]!["k"]!.GetValue<string>().ShouldBe("v");
    }

    [Fact]
    public async Task A_name_is_made_of_generateName()
    {
        var (_, one) = await Client.PostAsync(Maps, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"x-"}}""");
        one["metadata"]!["name"]!.GetValue<string>().ShouldMatch("^x-[a-z0-9]{5}$");
    }

    [Fact]
    public async Task A_second_of_the_same_name_already_exists()
    {
        await Client.PostAsync(Maps, Map("a"));
        var (code, status) = await Client.PostAsync(Maps, Map("a"));
        (code, status.Reason()).ShouldBe((409, "AlreadyExists"));
        status["details"]!["name"]!.GetValue<string>().ShouldBe("a");
    }

    [Theory]
    [InlineData("Upper")]
    [InlineData("under_score")]
    [InlineData("-dash")]
    public async Task A_name_that_is_no_DNS_name_is_invalid(string name)
    {
        var (code, status) = await Client.PostAsync(Maps, Map(name));
        (code, status.Reason()).ShouldBe((422, "Invalid"));
        status["details"]!["causes"]![0]!["field"]!.GetValue<string>().ShouldBe("metadata.name");
    }

    [Fact]
    public async Task A_stale_resourceVersion_is_a_conflict_and_a_different_uid_too()
    {
        var (_, first) = await Client.PostAsync(Maps, Map("a"));
        first["data"] = new JsonObject { ["k"] = "1" };
        (await Client.PutAsync($"{Maps}/a", first.ToJsonString())).Code.ShouldBe(200);
        first["data"] = new JsonObject { ["k"] = "2" };
        var (code, status) = await Client.PutAsync($"{Maps}/a", first.ToJsonString());
        (code, status.Reason()).ShouldBe((409, "Conflict"));
        (await Client.PutAsync($"{Maps}/a", Map("a", ",\"uid\":\"other\""))).Code.ShouldBe(409);
        (await Client.PatchAsync($"{Maps}/a", Client.Merge, """{"metadata":{"resourceVersion":"1"}}""")).Code.ShouldBe(409);
        Server.Get("", "configmaps", "default", "a")!["data"]!["k"]!.GetValue<string>().ShouldBe("1");
    }

    [Fact]
    public async Task A_write_that_changes_nothing_keeps_the_version()
    {
        var (_, first) = await Client.PostAsync(Maps, Map("a", data: """{"k":"1"}"""));
        (await Client.PutAsync($"{Maps}/a", first.ToJsonString())).Body.Version().ShouldBe(first.Version());
        (await Client.PatchAsync($"{Maps}/a", Client.Merge, """{"data":{"k":"1"}}""")).Body.Version().ShouldBe(first.Version());
        (await Client.PatchAsync($"{Maps}/a", Client.Merge, """{"data":{"k":"2"}}""")).Body.Version().ShouldNotBe(first.Version());
    }

    [Fact]
    public async Task What_is_not_there_is_not_found()
    {
        var (code, status) = await Client.GetAsync($"{Maps}/none");
        (code, status.Reason(), status["message"]!.GetValue<string>()).ShouldBe((404, "NotFound", "configmaps \"none\" not found"));
        (await Client.DeleteAsync($"{Maps}/none")).Code.ShouldBe(404);
        (await Client.PutAsync($"{Maps}/none", Map("none"))).Code.ShouldBe(404);
        (await Client.PostAsync("/api/v1/namespaces/nowhere/configmaps", Map("a"))).Code.ShouldBe(404);
    }

    [Fact]
    public async Task A_lease_is_created_by_a_put_and_never_replaced_blindly()
    {
        const string Leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
        const string Lease = """{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"l"},"spec":{"holderIdentity":"a"}}""";
        (await Client.PutAsync($"{Leases}/l", Lease)).Code.ShouldBe(201);
        (await Client.PutAsync($"{Leases}/l", Lease)).Code.ShouldBe(422);
    }

    [Fact]
    public async Task A_dry_run_leaves_nothing()
    {
        (await Client.PostAsync($"{Maps}?dryRun=All", Map("a"))).Code.ShouldBe(201);
        Server.Count("", "configmaps").ShouldBe(0);
    }

    [Theory]
    [InlineData("2026-01-02T03:04:05.123456Z", 201)]
    [InlineData("2026-01-02T03:04:05.1234567Z", 400)]
    [InlineData("2026-01-02T03:04:05Z", 400)]
    public async Task A_leases_times_have_microseconds(string time, int expected)
    {
        var (code, _) = await Client.PostAsync(
            "/apis/coordination.k8s.io/v1/namespaces/default/leases",
            $$$"""{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"l"},"spec":{"renewTime":"{{{time}}}"} }""");
        code.ShouldBe(expected);
        Server.TakeComplaints().Count.ShouldBe(expected == 400 ? 1 : 0);
    }

    [Fact]
    public async Task Secrets_take_texts_and_what_is_immutable_stays()
    {
        const string Secrets = "/api/v1/namespaces/default/secrets";
        var (_, secret) = await Client.PostAsync(Secrets, """{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"a":"b"},"immutable":true}""");
        secret["data"]!.ToJsonString().ShouldBe("""{"a":"Yg=="}""");
        secret["type"]!.GetValue<string>().ShouldBe("Opaque");
        (await Client.PatchAsync($"{Secrets}/s", Client.Merge, """{"stringData":{"a":"c"}}""")).Code.ShouldBe(422);
        (await Client.PatchAsync($"{Secrets}/s", Client.Merge, """{"metadata":{"labels":{"l":"1"}}}""")).Code.ShouldBe(200);
    }

    [Fact]
    public async Task Events_are_found_by_what_they_are_about()
    {
        await Client.PostAsync("/api/v1/namespaces/default/events", """{"apiVersion":"v1","kind":"Event","metadata":{"name":"e"},"reason":"R","involvedObject":{"kind":"Pod","name":"p","namespace":"default"}}""");
        (await Client.GetAsync("/api/v1/events?fieldSelector=involvedObject.name%3Dp,reason%3DR")).Body.Names().ShouldBe(["e"]);
        (await Client.GetAsync("/api/v1/events?fieldSelector=involvedObject.name%3Dq")).Body.Names().ShouldBeEmpty();
    }

    [Fact]
    public async Task Writers_at_once_lose_no_write_that_was_answered()
    {
        await Client.PostAsync(Maps, Map("a", data: """{"n":"0"}"""));
        var written = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            for (var i = 0; i < 25; i++)
            {
                var (_, map) = await Client.GetAsync($"{Maps}/a");
                map["data"]!["n"] = (int.Parse(map["data"]!["n"]!.GetValue<string>(), null) + 1).ToString();
                if ((await Client.PutAsync($"{Maps}/a", map.ToJsonString())).Code == 200)
                {
                    Interlocked.Increment(ref written);
                }
            }
        }));
        Server.Get("", "configmaps", "default", "a")!["data"]!["n"]!.GetValue<string>().ShouldBe(written.ToString());
    }
}
