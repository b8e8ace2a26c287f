namespace KvmAgent.Kubernetes;

/// <summary>
/// A kubeconfig that came over the network. It is read as any other, but that nothing in it may reach what is here: no program is run, no
/// file read, nobody impersonated; and as its values are somebody's secrets, errors name its fields and contexts alone.
/// </summary>
internal static class UploadedKubeconfig
{
    private const string Name = "kubeconfig";

    /// <summary>Of the chosen user and cluster; what they would do here.</summary>
    private static readonly (string Field, string Remedy)[] RefusedOfUsers =
    [
        ("exec", "it would run a program here; give a token, as of `kubectl create token`"),
        ("auth-provider", "it is no longer a part of Kubernetes; give a token, as of `kubectl create token`"),
        ("tokenFile", "it would read a file here; give the token itself as token"),
        ("client-certificate", "it would read a file here; give client-certificate-data, as of `kubectl config view --raw --flatten`"),
        ("client-key", "it would read a file here; give client-key-data, as of `kubectl config view --raw --flatten`"),
        ("as", "nobody is impersonated here; leave it out, or give that one's own credentials"),
        ("as-uid", "nobody is impersonated here; leave it out"),
        ("as-groups", "nobody is impersonated here; leave it out"),
        ("as-user-extra", "nobody is impersonated here; leave it out"),
    ];

    private static readonly (string Field, string Remedy)[] RefusedOfClusters =
    [
        ("certificate-authority", "it would read a file here; give certificate-authority-data, as of `kubectl config view --raw --flatten`"),
    ];

    public static KubernetesConnection Connect(string text, string? context)
    {
        var chosen = Kubeconfig.Of(ConfigNode.OfUpload(Name, text), context).Choose();
        Refuse(chosen.User, RefusedOfUsers);
        Refuse(chosen.Cluster, RefusedOfClusters);
        DemandAddress(chosen.Cluster, "server", static address => address.Scheme == Uri.UriSchemeHttps, "give an https address such as https://host:6443");
        DemandAddress(chosen.Cluster, "proxy-url", static _ => true, "give an address such as http://proxy:3128");
        return chosen.Connect();
    }

    private static void Refuse(ConfigNode? node, (string Field, string Remedy)[] refused)
    {
        foreach (var (field, remedy) in refused)
        {
            if (node?.Has(field) == true)
            {
                throw new KubernetesConfigException($"{node.Place(field)} is refused: {remedy}");
            }
        }
    }

    private static void DemandAddress(ConfigNode cluster, string field, Func<Uri, bool> holds, string remedy)
    {
        if (cluster.Text(field) is { } text && !(Uri.TryCreate(text, UriKind.Absolute, out var address) && address.UserInfo.Length == 0 && holds(address)))
        {
            // Perhaps with a password in it.
            throw new KubernetesConfigException($"{cluster.Place(field)} is no address that is taken here: {remedy}, with no user in it");
        }
    }
}
