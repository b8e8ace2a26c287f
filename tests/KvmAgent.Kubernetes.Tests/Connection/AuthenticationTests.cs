using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.Kubernetes.Tests.Support;
using KvmAgent.TestSupport;

namespace KvmAgent.Kubernetes.Tests.Connection;

/// <summary>Every way to say who we are, over real TLS.</summary>
public sealed class AuthenticationTests : IAsyncLifetime, IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly TestPki _pki = new();
    private readonly ManualTime _time = new();
    private ScriptedServer _server = null!;

    public async Task InitializeAsync() => _server = await StartAsync(_pki);

    public async Task DisposeAsync() => await _server.DisposeAsync();

    public void Dispose()
    {
        _pki.Dispose();
        _folder.Dispose();
    }

    private static async Task<ScriptedServer> StartAsync(TestPki pki)
    {
        var server = await ScriptedServer.StartAsync(pki);
        server.Answer = static (_, context) => context.Answer(200, "{}");
        return server;
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private KubernetesClient Client(string user, string? cluster = null, Uri? address = null)
    {
        cluster ??= $"certificate-authority-data: {Base64(_pki.AuthorityPem)}";
        var path = _folder.Write("config", $$$"""
            current-context: x
            contexts: [{name: x, context: {cluster: c, user: u}}]
            clusters: [{name: c, cluster: {server: "{{{address ?? _server.Address}}}", {{{cluster}}} }}]
            users: [{name: u, user: { {{{user}}} }}]
            """);
        return new KubernetesClient(KubernetesConnection.FromKubeconfig(new KubeconfigOptions { Paths = [path] }), _time);
    }

    private async Task<Asked> AskAsync(KubernetesClient client)
    {
        await client.GetRawAsync("/version", CancellationToken.None);
        return _server.Asked[^1];
    }

    private async Task<Asked> AskAsync(string user, string? cluster = null)
    {
        using var client = Client(user, cluster);
        return await AskAsync(client);
    }

    [Fact]
    public async Task A_token_or_a_password()
    {
        var asked = await AskAsync("token: t1");
        (asked.Authorization, asked.Certificate, asked.Protocol).ShouldBe(("Bearer t1", null, "HTTP/2"));
        (await AskAsync("username: me, password: \"p:w\"")).Authorization.ShouldBe($"Basic {Base64("me:p:w")}");
        (await AskAsync("")).Authorization.ShouldBeNull();
    }

    [Fact]
    public async Task A_client_certificate_as_data_or_as_files_from_where_the_kubeconfig_is()
    {
        var (certificate, key) = _pki.Client("someone");
        (await AskAsync($"client-certificate-data: {Base64(certificate)}, client-key-data: {Base64(key)}")).Certificate.ShouldBe("CN=someone");
        _folder.Write("pki/c.crt", certificate);
        _folder.Write("pki/c.key", key);
        _folder.Write("pki/ca.crt", _pki.AuthorityPem);
        (await AskAsync("client-certificate: pki/c.crt, client-key: ./pki/c.key", "certificate-authority: pki/ca.crt")).Certificate.ShouldBe("CN=someone");
    }

    [Fact]
    public async Task A_tokens_file_is_read_again_and_may_be_gone_for_a_moment()
    {
        _folder.Write("token", "t1\n");
        using var client = Client("tokenFile: token, token: ignored");
        (await AskAsync(client)).Authorization.ShouldBe("Bearer t1");
        _folder.Write("token", "t2\n");
        (await AskAsync(client)).Authorization.ShouldBe("Bearer t2");
        File.Delete(Path.Combine(_folder.Path, "token"));
        (await AskAsync(client)).Authorization.ShouldBe("Bearer t2");
    }

    [Fact]
    public async Task A_token_that_changes_on_the_way_is_shown_once_more()
    {
        _folder.Write("token", "t1");
        using var client = Client("tokenFile: token");
        _server.Answer = (asked, context) =>
        {
            _folder.Write("token", "t2");
            return asked.Authorization == "Bearer t2" ? context.Answer(200, "{}") : context.Fail(401, "Unauthorized");
        };
        await AskAsync(client);
        _server.Asked.Select(static a => a.Authorization).ShouldBe(["Bearer t1", "Bearer t2"]);
        _server.Answer = static (_, context) => context.Fail(401, "Unauthorized");
        (await Should.ThrowAsync<KubernetesException>(() => AskAsync(client))).IsUnauthorized.ShouldBeTrue();
        _server.Asked.Count.ShouldBe(3);
    }

    [Fact]
    public async Task A_service_account()
    {
        _folder.Write("token", "sa");
        _folder.Write("ca.crt", _pki.AuthorityPem);
        var connection = ServiceAccount.Connect(_folder.Path, name => name.EndsWith("HOST", StringComparison.Ordinal) ? "127.0.0.1" : _server.Address.Port.ToString());
        using var client = new KubernetesClient(connection, _time);
        (await AskAsync(client)).Authorization.ShouldBe("Bearer sa");
    }

    [Theory]
    [InlineData("")]
    [InlineData("tls-server-name: elsewhere.test, ")]
    public async Task A_server_that_is_not_known_is_told_nothing(string name)
    {
        using var others = new TestPki();
        var authority = name.Length > 0 ? _pki : others;
        await Should.ThrowAsync<HttpRequestException>(() => AskAsync("token: t", $"{name}certificate-authority-data: {Base64(authority.AuthorityPem)}"));
        _server.Asked.ShouldBeEmpty();
        (await AskAsync("token: t", "insecure-skip-tls-verify: true")).Authorization.ShouldBe("Bearer t");
    }

    [Fact]
    public async Task A_server_may_have_another_name_than_its_address()
    {
        using var pki = new TestPki("api.test");
        await using var server = await StartAsync(pki);
        var authority = $"certificate-authority-data: {Base64(pki.AuthorityPem)}";
        using var wrong = Client("token: t", authority, server.Address);
        await Should.ThrowAsync<HttpRequestException>(() => wrong.GetRawAsync("version", CancellationToken.None));
        using var right = Client("token: t", $"{authority}, tls-server-name: api.test", server.Address);
        await right.GetRawAsync("version", CancellationToken.None);
        server.Asked.Single().Host.ShouldBe("api.test");
    }

    [Fact]
    public async Task A_proxy_that_is_named_is_used()
    {
        await using var proxy = new ConnectProxy(_server.Address.Port);
        var cluster = $"certificate-authority-data: {Base64(_pki.AuthorityPem)}, proxy-url: \"{proxy.Address}\"";
        (await AskAsync("token: t", cluster)).Authorization.ShouldBe("Bearer t");
        proxy.Asked.ShouldBe([$"CONNECT 127.0.0.1:{_server.Address.Port} HTTP/1.1"]);
    }

    private const string Exec = "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, args: [a, \"b c\"], env: [{name: X, value: y}], provideClusterInfo: true}";

    /// <summary>Counts its runs in a file; the n-th gives token-n, for five minutes each.</summary>
    private void Plugin(string status = """{"token":"token-'$n'","expirationTimestamp":"1970-01-01T00:'$(printf %02d $((n * 5)))':00Z"}""") => _folder.Script("plugin", $$"""
        cd "$(dirname "$0")"
        echo run >> runs
        n=$(wc -l < runs)
        echo "$1|$2|$X" > arguments
        printf '%s' "$KUBERNETES_EXEC_INFO" > info
        echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{status}}}'
        """);

    [Fact]
    public async Task A_plugins_token_is_kept_until_it_expires_or_is_refused()
    {
        Plugin();
        using var client = Client(Exec);
        await Task.WhenAll(AskAsync(client), AskAsync(client), AskAsync(client));
        (await AskAsync(client)).Authorization.ShouldBe("Bearer token-1");
        _folder.Read("runs").ShouldBe("run\n");
        _folder.Read("arguments").ShouldBe("a|b c|y\n");
        var info = JsonNode.Parse(_folder.Read("info"))!;
        (info["kind"]!.ToString(), info["spec"]!["interactive"]!.ToString()).ShouldBe(("ExecCredential", "false"));
        info["spec"]!["cluster"]!["server"]!.ToString().ShouldBe(_server.Address.ToString());
        info["spec"]!["cluster"]!["certificate-authority-data"]!.ToString().ShouldBe(Base64(_pki.AuthorityPem));

        _time.Advance(TimeSpan.FromMinutes(5));
        (await AskAsync(client)).Authorization.ShouldBe("Bearer token-2");
        _server.Answer = static (asked, context) => asked.Authorization == "Bearer token-2" ? context.Fail(401, "Unauthorized") : context.Answer(200, "{}");
        (await AskAsync(client)).Authorization.ShouldBe("Bearer token-3");
    }

    [Fact]
    public async Task A_plugins_certificate_is_shown_on_new_connections()
    {
        string Status(string name)
        {
            var (certificate, key) = _pki.Client(name);
            return new JsonObject { ["clientCertificateData"] = certificate, ["clientKeyData"] = key, ["expirationTimestamp"] = "1970-01-01T00:05:00Z" }.ToJsonString().Replace("\\n", "\\\\n");
        }

        // dash's echo takes \n for a line's end; doubled it stays as it is.
        Plugin(Status("first"));
        using var client = Client(Exec);
        (await AskAsync(client)).Certificate.ShouldBe("CN=first");
        Plugin(Status("second"));
        (await AskAsync(client)).Certificate.ShouldBe("CN=first");
        _time.Advance(TimeSpan.FromMinutes(5));
        (await AskAsync(client)).Certificate.ShouldBe("CN=second");
    }

    [Theory]
    [InlineData("echo go away >&2; exit 3", "ended with 3: go away; install it so")]
    [InlineData("echo hello", "printed something that is not understood; expected an ExecCredential of client.authentication.k8s.io/v1")]
    [InlineData("echo '{}'", "printed no apiVersion and no kind")]
    [InlineData("echo '{\"apiVersion\":\"client.authentication.k8s.io/v1beta1\",\"kind\":\"ExecCredential\"}'", "printed client.authentication.k8s.io/v1beta1 ExecCredential")]
    [InlineData("echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{}}'", "printed neither token nor certificate")]
    [InlineData(null, "cannot be started")]
    public async Task A_plugin_that_fails_is_told_of_and_run_again_next_time(string? script, string expected)
    {
        if (script is not null)
        {
            _folder.Script("plugin", script);
        }

        using var client = Client(Exec.Replace("command:", "installHint: install it so, command:", StringComparison.Ordinal));
        var e = await Should.ThrowAsync<KubernetesConfigException>(() => AskAsync(client));
        e.Message.ShouldContain(expected);
        e.Message.ShouldStartWith($"{_folder.Path}/config: users[0].user.exec: {_folder.Path}/plugin ");
        Plugin();
        (await AskAsync(client)).Authorization.ShouldStartWith("Bearer token-");
    }

    [Fact]
    public async Task A_plugin_that_does_not_end_is_ended()
    {
        _folder.Script("plugin", "echo $$ > \"$(dirname \"$0\")/pid\"; exec sleep 1000");
        using var client = Client(Exec);
        var ask = client.GetRawAsync("version", CancellationToken.None);
        await Wait.UntilAsync(() => File.Exists(Path.Combine(_folder.Path, "pid")) && _folder.Read("pid").EndsWith('\n'));
        // The request's own time is over first; the plugin has a minute.
        _time.Advance(TimeSpan.FromSeconds(31));
        await Should.ThrowAsync<HttpRequestException>(() => ask);
        _time.Advance(TimeSpan.FromSeconds(31));
        await Wait.UntilAsync(() => !Directory.Exists($"/proc/{_folder.Read("pid").Trim()}"));
    }
}
