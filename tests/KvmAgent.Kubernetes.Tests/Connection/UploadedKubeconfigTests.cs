using System.Net;
using System.Text;
using KvmAgent.Kubernetes.Tests.Support;

namespace KvmAgent.Kubernetes.Tests.Connection;

/// <summary>A kubeconfig of somebody else's: nothing of it is run or read here, and nothing of it is told.</summary>
public sealed class UploadedKubeconfigTests
{
    private const string Secret = "s3cr3t";

    private static string Config(string cluster = "server: \"https://one:6443\"", string user = $"token: {Secret}", string more = "") =>
        $$"""
        current-context: x
        clusters: [{name: c, cluster: { {{cluster}} } }]
        users: [{name: u, user: { {{user}} } }, {name: other, user: {exec: {command: rm} } }]
        contexts: [{name: x, context: {cluster: c, user: u, namespace: n} }, {name: y, context: {cluster: c, user: other} }]
        {{more}}
        """;

    [Fact]
    public async Task The_chosen_context_is_taken_and_others_are_not_looked_into()
    {
        var connection = KubernetesConnection.OfUpload(Config("server: \"https://one:6443\", proxy-url: \"socks5://proxy:1080\""), null);
        (connection.Server.ToString(), connection.Namespace, connection.NamedProxy!.Port, connection.ChecksServer).ShouldBe(("https://one:6443/", "n", 1080, true));
        (await connection.BearerTokenAsync(TimeProvider.System, CancellationToken.None)).ShouldBe(Secret);
        KubernetesConnection.OfUpload(Config("server: \"https://one\", insecure-skip-tls-verify: true"), "x").ChecksServer.ShouldBeFalse();
        Fails(Config(), "y", "kubeconfig: users[1].user.exec is refused: it would run a program here");
        Fails(Config(), "z", "context: \"z\" is not among the contexts of kubeconfig; there are: x, y");
    }

    [Theory]
    [InlineData("user", "exec: {command: sh, apiVersion: client.authentication.k8s.io/v1}", "users[0].user.exec is refused")]
    [InlineData("user", "exec: {}", "users[0].user.exec is refused")]
    [InlineData("user", "auth-provider: {name: gcp}", "users[0].user.auth-provider is refused")]
    [InlineData("user", "tokenFile: /etc/passwd", "users[0].user.tokenFile is refused: it would read a file here")]
    [InlineData("user", "token: s3cr3t, tokenFile: /etc/passwd", "users[0].user.tokenFile is refused")]
    [InlineData("user", "client-certificate: /etc/passwd", "users[0].user.client-certificate is refused")]
    [InlineData("user", "client-key: ../key, client-key-data: czNjcjN0", "users[0].user.client-key is refused")]
    [InlineData("user", "client-key-data: s3cr3t!", "users[0].user.client-key-data: not base64")]
    [InlineData("user", "client-key-data: czNjcjN0", "users[0].user.client-certificate is missing")]
    [InlineData("user", "token: s3cr3t, as: admin", "users[0].user.as is refused: nobody is impersonated here")]
    [InlineData("cluster", "server: \"https://one\", certificate-authority: /etc/passwd", "clusters[0].cluster.certificate-authority is refused")]
    [InlineData("cluster", "server: \"http://one\"", "clusters[0].cluster.server is no address that is taken here: give an https address")]
    [InlineData("cluster", "server: \"https://me:s3cr3t@one\"", "clusters[0].cluster.server is no address")]
    [InlineData("cluster", "server: \"https://me:s3cr3t@\"", "clusters[0].cluster.server is no address")]
    [InlineData("cluster", "server: \"file:///etc/passwd\"", "clusters[0].cluster.server is no address")]
    [InlineData("cluster", "server: \"https://one\", proxy-url: \"http://me:s3cr3t@proxy\"", "clusters[0].cluster.proxy-url is no address")]
    [InlineData("cluster", "server: \"https://one\", certificate-authority-data: czNjcjN0", "holds no certificate")]
    public void What_would_reach_what_is_here_is_refused_by_its_name(string where, string fields, string why) =>
        Fails(where == "user" ? Config(user: fields) : Config(cluster: fields), null, why);

    [Theory]
    [InlineData("a: [s3cr3t", "kubeconfig is not valid YAML at line ")]
    [InlineData("s3cr3t: 1\ns3cr3t: 2", "kubeconfig is not valid YAML")]
    [InlineData("*s3cr3t", "kubeconfig is not valid YAML")]
    [InlineData("s3cr3t", "not a kubeconfig; expected one mapping")]
    [InlineData("[s3cr3t]", "not a kubeconfig; expected one mapping")]
    [InlineData("users: [s3cr3t]\ncontexts: [s3cr3t]\ncurrent-context: x", "contexts[0]: no mapping")]
    [InlineData("&a [*a]", "")]
    [InlineData("", "current-context is not set; name a context, one of: none")]
    public void What_is_no_kubeconfig_is_told_without_what_is_in_it(string text, string why) => Fails(text, null, why);

    [Fact]
    public void What_is_nested_without_end_is_refused()
    {
        Fails(new string('[', 1 << 20), null, "is nested deeper than 64");
        Fails(string.Concat(Enumerable.Repeat("- ", 1 << 19)), null, "is nested deeper than 64");
        Fails(Config(more: "extensions: " + new string('{', 100)), null, "is nested deeper than 64");
    }

    [Fact]
    public async Task A_server_that_answers_with_what_it_was_shown_is_not_passed_on()
    {
        using var pki = new TestPki();
        await using var server = await ScriptedServer.StartAsync(pki);
        server.Answer = static (asked, context) => context.Fail(401, "Unauthorized", $"who is {asked.Authorization}, {Encoding.UTF8.GetString(Convert.FromBase64String(asked.Authorization!.Split(' ')[1]))}?");
        foreach (var login in new[] { new ServerLogin { Username = "me", Password = Secret }, new ServerLogin { Token = Convert.ToBase64String(Encoding.UTF8.GetBytes(Secret)) } })
        {
            var connection = KubernetesConnection.To(server.Address, login, pki.AuthorityPem);
            using var client = new KubernetesClient(connection, TimeProvider.System);
            var error = await Should.ThrowAsync<KubernetesException>(() => client.GetRawAsync("/version", CancellationToken.None));
            error.Message.ShouldContain("who is ");
            error.Message.ShouldNotContain(Convert.ToBase64String(Encoding.UTF8.GetBytes(login.Token is null ? $"me:{Secret}" : Secret)));
            if (login.Token is null)
            {
                error.Message.ShouldNotContain(Secret);
            }

            $"{login} {connection}".ShouldNotContain(Secret);
        }
    }

    [Fact]
    public async Task A_certificate_is_shown_and_what_makes_no_sense_is_told_by_its_field()
    {
        using var pki = new TestPki();
        await using var server = await ScriptedServer.StartAsync(pki);
        server.Answer = static (_, context) => context.Answer(200, "{}");
        var (certificate, key) = pki.Client("me");
        using var client = new KubernetesClient(KubernetesConnection.To(server.Address, new ServerLogin { ClientCertificate = certificate, ClientKey = key }, pki.AuthorityPem), TimeProvider.System);
        await client.GetRawAsync("/version", CancellationToken.None);
        (server.Asked[^1].Certificate, server.Asked[^1].Authorization).ShouldBe(("CN=me", null));

        To(new ServerLogin { Token = $"{Secret}\n" }, null, "token is empty or has characters");
        To(new ServerLogin { Username = $"{Secret}:", Password = Secret }, null, "username has a colon");
        To(new ServerLogin { ClientCertificate = certificate, ClientKey = Secret }, null, "client_certificate does not fit client_key");
        To(new ServerLogin { Token = "t" }, Secret, "certificate_authority is no certificate");

        void To(ServerLogin login, string? authorities, string why) => Told(() => KubernetesConnection.To(server.Address, login, authorities), why);
    }

    [Fact]
    public async Task Connections_are_made_by_whoever_is_asked_to()
    {
        await using var server = await ScriptedServer.StartAsync();
        server.Answer = static (_, context) => context.Answer(200, "{}");
        var asked = new List<DnsEndPoint>();
        using var client = new KubernetesClient(KubernetesConnection.To(server.Address), TimeProvider.System, new KubernetesClientOptions
        {
            Connect = (context, _) =>
            {
                asked.Add(context.DnsEndPoint);
                throw new InvalidOperationException("not there");
            },
        });
        (await Should.ThrowAsync<HttpRequestException>(() => client.GetRawAsync("/version", CancellationToken.None))).InnerException.ShouldBeOfType<InvalidOperationException>();
        asked.ShouldHaveSingleItem().Port.ShouldBe(server.Address.Port);
    }

    private static void Fails(string text, string? context, string why) => Told(() => KubernetesConnection.OfUpload(text, context), why);

    private static void Told(Action act, string why)
    {
        var error = Should.Throw<KubernetesConfigException>(act);
        error.Message.ShouldContain(why);
        error.Message.ShouldNotContain(Secret);
        error.Message.ShouldNotContain("czNjcjN0");
    }
}
