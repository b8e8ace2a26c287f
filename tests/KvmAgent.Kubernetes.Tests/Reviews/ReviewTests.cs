using KvmAgent.Kubernetes.Tests.Support;

namespace KvmAgent.Kubernetes.Tests.Reviews;

public sealed class ReviewTests : IAsyncLifetime
{
    private ScriptedServer _server = null!;
    private KubernetesClient _client = null!;

    public async Task InitializeAsync()
    {
        _server = await ScriptedServer.StartAsync();
        _client = _server.Client();
    }

    public async Task DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    private void Answer(string status) => _server.Answer = (_, context) => context.Answer(201, "{\"status\":" + status + "}");

    [Fact]
    public async Task A_token_is_somebodys()
    {
        Answer("""{"authenticated":true,"user":{"username":"system:serviceaccount:a:b","uid":"u","groups":["g"],"extra":{"authentication.kubernetes.io/pod-name":["p"]}},"audiences":["kvm"]}""");
        var status = await _client.ReviewTokenAsync("t", ["kvm"], CancellationToken.None);
        status.Authenticated.ShouldBeTrue();
        status.User!.Username.ShouldBe("system:serviceaccount:a:b");
        status.User.Groups.ShouldBe(["g"]);
        status.User.Extra!["authentication.kubernetes.io/pod-name"].ShouldBe(["p"]);
        var asked = _server.Asked.Single();
        asked.ToString().ShouldBe("POST /apis/authentication.k8s.io/v1/tokenreviews");
        asked.Body.ShouldBe("""{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"t","audiences":["kvm"]}}""");
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"authenticated":false,"error":"expired"}""")]
    [InlineData("""{"authenticated":true,"user":{"username":"x"}}""")]
    [InlineData("""{"authenticated":true,"user":{"username":"x"},"audiences":["other"]}""")]
    public async Task Without_a_clear_yes_for_the_audience_a_token_is_nobodys(string status)
    {
        Answer(status);
        (await _client.ReviewTokenAsync("t", ["kvm"], CancellationToken.None)).Authenticated.ShouldBeFalse();
    }

    [Fact]
    public async Task Access_is_asked_for_as_the_user_has_it()
    {
        Answer("""{"allowed":true,"reason":"role"}""");
        var spec = new SubjectAccessReviewSpec
        {
            User = "u",
            Groups = ["g"],
            Extra = new Dictionary<string, IReadOnlyList<string>> { ["Some.Key/x"] = ["v"] },
            ResourceAttributes = new ResourceAttributes { Namespace = "a", Verb = "get", Group = "subresources.kubevirt.io", Resource = "virtualmachineinstances", Subresource = "console", Name = "vm" },
        };
        var status = await _client.ReviewAccessAsync(spec, CancellationToken.None);
        (status.Allowed, status.Denied, status.Reason).ShouldBe((true, false, "role"));
        var asked = _server.Asked.Single();
        asked.ToString().ShouldBe("POST /apis/authorization.k8s.io/v1/subjectaccessreviews");
        asked.Body.ShouldBe("""{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":"u","groups":["g"],"extra":{"Some.Key/x":["v"]}"""
            + ""","resourceAttributes":{"namespace":"a","verb":"get","group":"subresources.kubevirt.io","resource":"virtualmachineinstances","subresource":"console","name":"vm"}}}""");
    }
}
