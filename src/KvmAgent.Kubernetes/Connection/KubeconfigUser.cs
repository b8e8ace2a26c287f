using System.Security.Cryptography;
using System.Text;

namespace KvmAgent.Kubernetes;

/// <summary>A user of a kubeconfig. A certificate goes with any of: a token's file, a token, a password, a plugin; of these the first that is there counts.</summary>
internal static class KubeconfigUser
{
    public static Credentials Credentials(ConfigNode user, ConfigNode cluster)
    {
        if (user.Mapping("auth-provider") is { } provider)
        {
            throw user.Wrong("auth-provider", provider.Text("name") ?? "unnamed", "no longer a part of Kubernetes (since 1.26); use an exec plugin");
        }

        var certificate = Certificate(user);
        var name = user.Text("username");
        var token = user.Text("token");
        var tokenFile = user.Text("tokenFile");
        if (name is not null && (token ?? tokenFile) is not null)
        {
            throw user.Wrong("username", name, "a token is given too; leave one of them out");
        }

        if (tokenFile is not null)
        {
            var tokens = new TokenFileCredentials(user.Resolve(tokenFile), user.Place("tokenFile"), certificate);
            _ = tokens.Read();
            return tokens;
        }

        if (token is not null)
        {
            return new FixedCredentials(Credential.OfToken(token, certificate));
        }

        if (name is not null)
        {
            var pair = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{name}:{user.Text("password")}"));
            return new FixedCredentials(new Credential($"Basic {pair}", certificate));
        }

        return user.Mapping("exec") is { } exec
            ? new ExecCredentials(ExecPlugin.Read(exec, cluster), certificate)
            : new FixedCredentials(new Credential(null, certificate));
    }

    private static ClientCertificate? Certificate(ConfigNode user)
    {
        var certificate = KubeconfigCluster.Pem(user, "client-certificate");
        var key = KubeconfigCluster.Pem(user, "client-key");
        if (certificate is null && key is null)
        {
            return null;
        }

        if (certificate is null || key is null)
        {
            throw new KubernetesConfigException($"{user.Place(certificate is null ? "client-certificate" : "client-key")} is missing; certificate and key go together");
        }

        try
        {
            return ClientCertificate.FromPem(certificate, key);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw user.Wrong("client-certificate", "does not fit client-key", $"give both as PEM, the key without a passphrase ({e.Message})", e);
        }
    }
}
