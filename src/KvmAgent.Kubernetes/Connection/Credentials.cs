using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography.X509Certificates;
using System.Text;

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

    /// <summary>A text without what is shown to the server: one that is somebody else's may answer with it.</summary>
    [return: NotNullIfNotNull(nameof(text))]
    public virtual string? Hide(string? text) => text;
}

/// <summary>One that never changes: none, a token, a password, a certificate.</summary>
internal sealed class FixedCredentials(Credential credential) : Credentials
{
    private const string Hidden = "***";

    /// <summary>Token, or password and what is made of it; the longest first.</summary>
    private readonly string[] _secrets = SecretsOf(credential.Authorization);

    public override ValueTask<Credential> CurrentAsync(TimeProvider time, CancellationToken ct) => new(credential);

    public override string? Hide(string? text) => text is null ? null : _secrets.Aggregate(text, static (all, secret) => all.Replace(secret, Hidden, StringComparison.Ordinal));

    private static string[] SecretsOf(string? authorization) => authorization?.Split(' ', 2) switch
    {
        ["Bearer", { Length: > 0 } token] => [token],
        ["Basic", { Length: > 0 } pair] => [.. new[] { pair, PasswordOf(pair) }.Where(static s => s.Length > 0).OrderByDescending(static s => s.Length)],
        _ => [],
    };

    private static string PasswordOf(string pair)
    {
        var text = Encoding.UTF8.GetString(Convert.FromBase64String(pair));
        return text[(text.IndexOf(':', StringComparison.Ordinal) + 1)..];
    }
}
