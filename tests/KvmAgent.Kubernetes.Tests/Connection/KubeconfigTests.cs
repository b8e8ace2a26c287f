using KvmAgent.Kubernetes.Tests.Support;

namespace KvmAgent.Kubernetes.Tests.Connection;

public sealed class KubeconfigTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static string Config(string cluster = "{server: \"https://one:6443\"}", string user = "{}", string context = "{cluster: c, user: u, namespace: n}", string current = "x") =>
        $"current-context: {current}\nclusters: [{{name: c, cluster: {cluster}}}]\nusers: [{{name: u, user: {user}}}]\ncontexts: [{{name: x, context: {context}}}]\n";

    private KubernetesConnection Connect(string text, string? context = null) =>
        Kubeconfig.Load(new KubeconfigOptions { Paths = [_folder.Write("config", text)], Context = context }, static _ => null).Connect();

    private static string? Environment(string name, params (string Name, string Value)[] values) =>
        values.FirstOrDefault(v => v.Name == name).Value;

    [Fact]
    public void Server_and_namespace_come_of_the_current_context()
    {
        var connection = Connect(Config("{server: \"https://rancher/k8s/clusters/c-1\"}"));
        connection.Server.ToString().ShouldBe("https://rancher/k8s/clusters/c-1/");
        connection.Namespace.ShouldBe("n");
        Connect(Config(context: "{cluster: c}")).Namespace.ShouldBeNull();
    }

    [Fact]
    public void Of_several_files_the_first_that_has_something_counts()
    {
        var first = _folder.Write("first/config", """
            clusters: [{name: c, cluster: {server: "https://first"}}]
            contexts: [{name: y, context: {cluster: c, user: u}}]
            """);
        var second = _folder.Write("second/config", Config("{server: \"https://second\"}"));
        var list = $"{first}:{_folder.Path}/none::{second}";
        var all = Kubeconfig.Load(new KubeconfigOptions(), name => Environment(name, ("KUBECONFIG", list)));
        all.Connect().Server.Host.ShouldBe("first");
        all.Connect().Namespace.ShouldBe("n");
        Kubeconfig.Load(new KubeconfigOptions { Context = "y" }, name => Environment(name, ("KUBECONFIG", list))).Connect().Namespace.ShouldBeNull();
    }

    [Fact]
    public void It_is_found_where_kubectl_finds_it_or_not_at_all()
    {
        string? Home(string name) => Environment(name, ("HOME", _folder.Path));
        Kubeconfig.IsThere(new KubeconfigOptions(), Home).ShouldBeFalse();
        KubernetesConnection.Detect(new KubeconfigOptions(), _folder.Path, Home).ShouldBeNull();
        Should.Throw<KubernetesConfigException>(() => Kubeconfig.Load(new KubeconfigOptions(), Home)).Message
            .ShouldBe($"no kubeconfig at {_folder.Path}/.kube/config; set KUBECONFIG, or run in a pod with a service account");
        _folder.Write(".kube/config", Config());
        KubernetesConnection.Detect(new KubeconfigOptions(), _folder.Path, Home)!.Server.Host.ShouldBe("one");
    }

    [Fact]
    public void In_a_pod_the_service_account_counts_unless_a_kubeconfig_is_named()
    {
        using var pki = new TestPki();
        string? Pod(string name) => Environment(name, ("KUBERNETES_SERVICE_HOST", "fd00::1"), ("KUBERNETES_SERVICE_PORT", "443"));
        Should.Throw<KubernetesConfigException>(() => KubernetesConnection.Detect(new KubeconfigOptions(), _folder.Path, Pod)).Message.ShouldContain($"{_folder.Path}/token");
        _folder.Write("token", "t\n");
        _folder.Write("namespace", "mine");
        Should.Throw<KubernetesConfigException>(() => KubernetesConnection.Detect(new KubeconfigOptions(), _folder.Path, Pod)).Message.ShouldContain($"{_folder.Path}/ca.crt");
        _folder.Write("ca.crt", pki.AuthorityPem);
        var connection = KubernetesConnection.Detect(new KubeconfigOptions(), _folder.Path, Pod)!;
        connection.Server.ToString().ShouldBe("https://[fd00::1]/");
        connection.Namespace.ShouldBe("mine");
        var named = new KubeconfigOptions { Paths = [_folder.Write("config", Config())] };
        KubernetesConnection.Detect(named, _folder.Path, Pod)!.Server.Host.ShouldBe("one");
        Should.Throw<KubernetesConfigException>(() => ServiceAccount.Connect(_folder.Path, static _ => null)).Message.ShouldContain("KUBERNETES_SERVICE_HOST");
    }

    public static TheoryData<string, string> Bad => new()
    {
        { "clusters: [", ": not valid YAML: " },
        { "- a", "config: not a kubeconfig; expected one mapping" },
        { "", "current-context is not set; name a context, one of: none" },
        { Config(current: "z"), "current-context: \"z\" is not among the contexts of " },
        { Config(current: "\"\""), "current-context is not set; name a context, one of: x" },
        { Config(context: "{cluster: d}"), "config: contexts[0].context.cluster: \"d\" is not among the clusters of " },
        { Config(context: "{user: u}"), "config: contexts[0].context.cluster is missing; name one of: c" },
        { Config(context: "{cluster: c, user: v}"), "contexts[0].context.user: \"v\" is not among the users of " },
        { Config("{}"), "config: clusters[0].cluster.server is missing; give an address such as https://host:6443" },
        { Config("{server: \"one:6443\"}"), "clusters[0].cluster.server: one:6443: give an address such as" },
        { Config("{server: [a]}"), "clusters[0].cluster.server: a list or mapping: give it as text" },
        { Config("[a]"), "clusters[0].cluster: no mapping: indent its fields below it" },
        { "clusters: {name: c}\n" + "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]", "config: clusters: no list: begin each of its entries with a dash" },
        { Config("{server: \"https://a\", insecure-skip-tls-verify: yes}"), "insecure-skip-tls-verify: yes: give true or false" },
        { Config("{server: \"https://a\", certificate-authority: none.crt}"), "/none.crt: cannot be read (" },
        { Config("{server: \"https://a\", certificate-authority-data: \"%\"}"), "certificate-authority-data: not base64: encode the PEM file" },
        { Config("{server: \"https://a\", certificate-authority-data: aGVsbG8=}"), "certificate-authority: holds no certificate: give PEM" },
        { Config("{server: \"https://a\", proxy-url: \"ftp://p\"}"), "proxy-url: ftp://p: give an address that begins with http://, https://, socks5://" },
        { Config(user: "{auth-provider: {name: gcp}}"), "users[0].user.auth-provider: gcp: no longer a part of Kubernetes (since 1.26); use an exec plugin" },
        { Config(user: "{token: t, username: n}"), "users[0].user.username: n: a token is given too; leave one of them out" },
        { Config(user: "{tokenFile: none}"), "users[0].user.tokenFile: " },
        { Config(user: "{client-certificate-data: aGVsbG8=}"), "users[0].user.client-key is missing; certificate and key go together" },
        { Config(user: "{client-certificate-data: aGVsbG8=, client-key-data: aGVsbG8=}"), "users[0].user.client-certificate: does not fit client-key: give both as PEM" },
        { Config(user: "{exec: {command: x}}"), "users[0].user.exec.apiVersion is missing; give client.authentication.k8s.io/v1" },
        { Config(user: "{exec: {command: x, apiVersion: client.authentication.k8s.io/v1alpha1}}"), "exec.apiVersion: client.authentication.k8s.io/v1alpha1: only client.authentication.k8s.io/v1 and v1beta1" },
        { Config(user: "{exec: {apiVersion: client.authentication.k8s.io/v1}}"), "exec.command is missing; name the program" },
        { Config(user: "{exec: {apiVersion: client.authentication.k8s.io/v1, command: x, env: [{value: y}]}}"), "exec.env[0].name is missing" },
        { Config(user: "{exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Always}}"), "exec.interactiveMode: Always: there is no terminal here" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void What_is_wrong_is_named(string text, string expected)
    {
        var message = Should.Throw<KubernetesConfigException>(() => Connect(text)).Message;
        message.ShouldContain(expected);
        message.ShouldContain($"{_folder.Path}/config");
    }

    [Fact]
    public void What_is_wrong_elsewhere_does_not_matter() =>
        Connect(Config() + "extra: [1]\n").Server.Host.ShouldBe("one");

    [Fact]
    public void A_file_that_is_named_must_be_there() =>
        Should.Throw<KubernetesConfigException>(() => KubernetesConnection.FromKubeconfig(new KubeconfigOptions { Paths = [$"{_folder.Path}/none"] }))
            .Message.ShouldContain($"{_folder.Path}/none: cannot be read");
}
