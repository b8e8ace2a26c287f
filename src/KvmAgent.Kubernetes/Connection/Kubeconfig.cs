using System.Net;

namespace KvmAgent.Kubernetes;

/// <summary>
/// Kubeconfig files, merged as kubectl merges them: of two entries with one name the first file's counts, whole; of current-context the first that is set.
/// Nothing but the chosen context, its cluster and its user is looked into: what is wrong elsewhere is not our business.
/// </summary>
internal sealed class Kubeconfig
{
    private readonly IReadOnlyList<ConfigNode> _files;
    private readonly string? _context;

    private Kubeconfig(IReadOnlyList<ConfigNode> files, string? context)
    {
        _files = files;
        _context = context;
    }

    public static bool IsThere(KubeconfigOptions options, Func<string, string?> environment) =>
        options.Paths is not null || options.Context is not null || Candidates(environment).Any(File.Exists);

    public static Kubeconfig Load(KubeconfigOptions options, Func<string, string?> environment)
    {
        IReadOnlyList<string> candidates = options.Paths ?? Candidates(environment);
        // Of KUBECONFIG's names some may not exist yet, as for kubectl.
        var paths = options.Paths ?? [.. candidates.Where(File.Exists)];
        return paths.Count == 0
            ? throw new KubernetesConfigException($"no kubeconfig at {string.Join(", ", candidates)}; set KUBECONFIG, or run in a pod with a service account")
            : new Kubeconfig([.. paths.Select(ConfigNode.Load)], options.Context);
    }

    /// <summary>One that is here already.</summary>
    public static Kubeconfig Of(ConfigNode config, string? context) => new([config], context);

    public KubernetesConnection Connect() => Choose().Connect();

    /// <summary>The context's own parts, which nothing has looked into yet.</summary>
    public ChosenContext Choose()
    {
        var name = _context ?? _files.Select(file => file.Text("current-context")).FirstOrDefault(static text => text is not null)
            ?? throw new KubernetesConfigException($"{Files}: current-context is not set; name a context, one of: {Names("contexts")}");
        var context = Find("contexts", "context", name, _context is null ? "current-context" : "context");
        var cluster = Find("clusters", "cluster", context.Demand("cluster", $"name one of: {Names("clusters")}"), context.Place("cluster"));
        var user = context.Text("user") is { } userName ? Find("users", "user", userName, context.Place("user")) : null;
        return new ChosenContext(cluster, user, context.Text("namespace"));
    }

    private string Files => string.Join(", ", _files.Select(static file => file.Name));

    private static string[] Candidates(Func<string, string?> environment)
    {
        var listed = environment("KUBECONFIG")?.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return listed is { Length: > 0 } ? listed : [Path.Combine(environment("HOME") ?? "/", ".kube/config")];
    }

    private ConfigNode Find(string list, string field, string name, string wantedBy)
    {
        var entry = Entries(list).FirstOrDefault(entry => entry.Text("name") == name)
            ?? throw new KubernetesConfigException($"{wantedBy}: \"{name}\" is not among the {list} of {Files}; there are: {Names(list)}");
        return entry.Mapping(field) ?? throw new KubernetesConfigException($"{entry.Place(field)} is missing for \"{name}\"; write its fields below it");
    }

    private IEnumerable<ConfigNode> Entries(string list) => _files.SelectMany(file => file.Mappings(list));

    private string Names(string list) =>
        string.Join(", ", Entries(list).Select(static entry => entry.Text("name")).Distinct()) is { Length: > 0 } names ? names : "none";
}

/// <summary>What a context names.</summary>
/// <param name="User">Null: nobody.</param>
internal sealed record ChosenContext(ConfigNode Cluster, ConfigNode? User, string? Namespace)
{
    public KubernetesConnection Connect()
    {
        var server = KubeconfigCluster.Server(Cluster);
        var trust = KubeconfigCluster.Trust(Cluster);
        var proxy = KubeconfigCluster.Proxy(Cluster);
        var credentials = User is null ? new FixedCredentials(new Credential()) : KubeconfigUser.Credentials(User, Cluster);
        return new KubernetesConnection(server, Namespace, trust, credentials, proxy is null ? null : new WebProxy(proxy), proxyOfEnvironment: true);
    }
}
