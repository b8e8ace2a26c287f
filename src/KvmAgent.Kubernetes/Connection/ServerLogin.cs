using System.Security.Cryptography;
using System.Text;

namespace KvmAgent.Kubernetes;

/// <summary>How one is known to a server: by a token, a certificate with its key, or a name and a password.</summary>
public sealed record ServerLogin
{
    public string? Token { get; init; }

    /// <summary>PEM, with those between it and its authority.</summary>
    public string? ClientCertificate { get; init; }

    /// <summary>PEM, without a passphrase.</summary>
    public string? ClientKey { get; init; }

    public string? Username { get; init; }

    public string? Password { get; init; }

    /// <summary>Nothing of it belongs into a log.</summary>
    public override string ToString() => nameof(ServerLogin);

    /// <exception cref="KubernetesConfigException">Something of it makes no sense.</exception>
    internal Credential Credential()
    {
        if (Token is not null)
        {
            return Token.Length > 0 && Token.All(static c => c is > ' ' and <= '~') ? Kubernetes.Credential.OfToken(Token)
                : throw new KubernetesConfigException("token is empty or has characters that no token has; give it without blanks and line ends");
        }

        if (Username is not null)
        {
            return !Username.Contains(':', StringComparison.Ordinal)
                ? new Credential($"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Username}:{Password}"))}")
                : throw new KubernetesConfigException("username has a colon, which no server could tell from the password's beginning; give another");
        }

        try
        {
            return new Credential(null, Kubernetes.ClientCertificate.FromPem(ClientCertificate ?? "", ClientKey ?? ""));
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new KubernetesConfigException($"client_certificate does not fit client_key: {e.Message}; give both as PEM, the key without a passphrase", e);
        }
    }
}
