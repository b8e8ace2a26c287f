using System.Security.Cryptography.X509Certificates;

namespace KvmAgent.Kubernetes;

/// <summary>What a request shows.</summary>
/// <param name="Authorization">The header's value.</param>
/// <param name="Certificate">For TLS, with its key.</param>
internal sealed record Credential(string? Authorization = null, ClientCertificate? Certificate = null)
{
    public static Credential OfToken(string token, ClientCertificate? certificate = null) => new($"Bearer {token}", certificate);
}

/// <summary>A certificate with its key, and those between it and its authority.</summary>
internal sealed record ClientCertificate(X509Certificate2 Certificate, X509Certificate2Collection Chain)
{
    /// <exception cref="System.Security.Cryptography.CryptographicException">Not PEM, or the key does not belong to the certificate.</exception>
    /// <exception cref="ArgumentException">As above.</exception>
    public static ClientCertificate FromPem(string certificates, string key)
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(certificates);
        return new ClientCertificate(X509Certificate2.CreateFromPem(certificates, key), chain);
    }
}

/// <summary>Where a request's credential comes from.</summary>
internal abstract class Credentials
{
    /// <exception cref="KubernetesConfigException">There is none to be had.</exception>
    public abstract ValueTask<Credential> CurrentAsync(TimeProvider time, CancellationToken ct);

    /// <summary>The server did not accept this one.</summary>
    /// <returns>Whether it is worth asking for another.</returns>
    public virtual bool Refused(Credential credential) => false;
}

/// <summary>One that never changes: none, a token, a password, a certificate.</summary>
internal sealed class FixedCredentials(Credential credential) : Credentials
{
    public override ValueTask<Credential> CurrentAsync(TimeProvider time, CancellationToken ct) => new(credential);
}
