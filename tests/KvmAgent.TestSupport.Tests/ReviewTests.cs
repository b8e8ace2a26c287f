using System.Text.Json.Nodes;
using KvmAgent.TestSupport.Api;
using static KvmAgent.TestSupport.Tests.Samples;

namespace KvmAgent.TestSupport.Tests;

public sealed class ReviewTests : ServerTest
{
    private readonly SteppedTime _time = new();

    private protected override TestApiServerOptions Options => new() { TimeProvider = _time };

    [Fact]
    public async Task Who_is_not_known_is_unauthorized_and_who_is_filtered_is_forbidden()
    {
        using var stranger = new Client(Server, "nobody");
        var (code, status) = await stranger.GetAsync(Pods);
        (code, status.Reason()).ShouldBe((401, "Unauthorized"));
        Server.AddUser("t", "reader", static request => request.Method == "GET");
        using var reader = new Client(Server, "t");
        (await reader.GetAsync(Pods)).Code.ShouldBe(200);
        (await reader.PostAsync(Pods, Pod("p"))).Code.ShouldBe(403);
    }

    [Fact]
    public async Task A_token_is_reviewed_with_its_pod_and_its_audiences()
    {
        var token = Server.AddServiceAccountToken("default", "vm", ["kvm-coordinator", "other"], ("pod-1", "uid-1"));
        var status = await ReviewAsync(token, "kvm-coordinator", "third");
        status["authenticated"]!.GetValue<bool>().ShouldBeTrue();
        status["user"]!["username"]!.GetValue<string>().ShouldBe("system:serviceaccount:default:vm");
        status["user"]!["groups"]!.AsArray().Select(static g => g!.GetValue<string>()).ShouldContain("system:serviceaccounts:default");
        status["user"]!["extra"]!["authentication.kubernetes.io/pod-name"]!.ToJsonString().ShouldBe("""["pod-1"]""");
        status["user"]!["extra"]!["authentication.kubernetes.io/pod-uid"]!.ToJsonString().ShouldBe("""["uid-1"]""");
        status["audiences"]!.ToJsonString().ShouldBe("""["kvm-coordinator"]""");
    }

    [Fact]
    public async Task Tokens_for_others_expired_or_unknown_are_not_authenticated()
    {
        var token = Server.AddServiceAccountToken("default", "vm", ["a"], lifetime: TimeSpan.FromMinutes(10));
        var other = await ReviewAsync(token, "b");
        other["authenticated"].ShouldBeNull();
        other["error"]!.GetValue<string>().ShouldContain("is invalid for the target audiences");
        (await ReviewAsync("nonsense"))["error"].ShouldNotBeNull();
        _time.Advance(TimeSpan.FromMinutes(11));
        (await ReviewAsync(token, "a"))["error"]!.GetValue<string>().ShouldContain("expired");
        using var client = new Client(Server, token);
        (await client.GetAsync(Pods)).Code.ShouldBe(401);
    }

    [Fact]
    public async Task A_requested_token_goes_with_its_pod()
    {
        await Client.PostAsync("/api/v1/namespaces/default/serviceaccounts", """{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"vm"}}""");
        var (_, pod) = await Client.PostAsync(Pods, Pod("p"));
        var (code, made) = await Client.PostAsync(
            "/api/v1/namespaces/default/serviceaccounts/vm/token",
            $$$"""{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"audiences":["a"],"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"p","uid":"{{{pod.Uid()}}}"} } }""");
        code.ShouldBe(201);
        var token = made["status"]!["token"]!.GetValue<string>();
        (await ReviewAsync(token, "a"))["user"]!["extra"]!["authentication.kubernetes.io/pod-uid"]![0]!.GetValue<string>().ShouldBe(pod.Uid());
        await Client.DeleteAsync($"{Pods}/p");
        (await ReviewAsync(token, "a"))["authenticated"].ShouldBeNull();
    }

    [Theory]
    [InlineData("\"user\":\"kubernetes-admin\"", true)]
    [InlineData("\"user\":\"x\",\"groups\":[\"system:masters\"]", true)]
    [InlineData("\"user\":\"x\"", false)]
    public async Task Access_is_the_admins_alone_unless_the_test_decides(string who, bool allowed)
    {
        (await AccessAsync(who)).ShouldBe(allowed);
        Server.Access = static spec => spec["resourceAttributes"]!["verb"]!.GetValue<string>() == "get";
        (await AccessAsync(who)).ShouldBeTrue();
    }

    private async Task<bool> AccessAsync(string who)
    {
        var (code, review) = await Client.PostAsync(
            "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            $$$"""{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{ {{{who}}},"resourceAttributes":{"verb":"get","resource":"pods"} } }""");
        code.ShouldBe(201);
        return review["status"]!["allowed"]!.GetValue<bool>();
    }

    private async Task<JsonObject> ReviewAsync(string token, params string[] audiences)
    {
        var review = new JsonObject
        {
            ["apiVersion"] = "authentication.k8s.io/v1",
            ["kind"] = "TokenReview",
            ["spec"] = new JsonObject { ["token"] = token, ["audiences"] = new JsonArray([.. audiences.Select(static a => (JsonNode)a)]) },
        };
        var (code, answer) = await Client.PostAsync("/apis/authentication.k8s.io/v1/tokenreviews", review.ToJsonString());
        code.ShouldBe(201);
        return answer["status"]!.AsObject();
    }
}
