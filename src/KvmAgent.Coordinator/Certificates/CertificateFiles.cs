using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace KvmAgent.Coordinator.Certificates;

/// <summary>
/// An authority and what it has signed for the coordinator to serve, as PEM under the names that a Secret of type TLS has, and a directory
/// too. The authority stays; what is served is made anew in the last third of its life, or where its names have changed.
/// </summary>
internal static class CertificateFiles
{
    public const string AuthorityCertificate = "ca.crt", AuthorityKey = "ca.key", Certificate = "tls.crt", Key = "tls.key";

    /// <summary>Whether it can be served on.</summary>
    /// <exception cref="CryptographicException">It makes no sense.</exception>
    public static bool Fit(IReadOnlyDictionary<string, byte[]>? files, IReadOnlyList<string> names, DateTimeOffset now)
    {
        if (!HasAuthority(files) || !files!.ContainsKey(Certificate) || !files.ContainsKey(Key))
        {
            return false;
        }

        using var certificate = X509CertificateLoader.LoadCertificate(Der(files[Certificate]));
        var third = (certificate.NotAfter - certificate.NotBefore) / 3;
        return now < certificate.NotAfter - third && names.All(n => certificate.MatchesHostname(n));
    }

    /// <param name="former">Its authority is used on, where it has one.</param>
    /// <exception cref="CryptographicException">That makes no sense.</exception>
    public static Dictionary<string, byte[]> Make(IReadOnlyDictionary<string, byte[]>? former, IReadOnlyList<string> names, DateTimeOffset now)
    {
        using var authority = HasAuthority(former)
            ? X509Certificate2.CreateFromPem(Text(former![AuthorityCertificate]), Text(former[AuthorityKey]))
            : CertificateMaker.Authority(now);
        using var serving = CertificateMaker.Serving(authority, names, now);
        return new Dictionary<string, byte[]>
        {
            [AuthorityCertificate] = Encoding.ASCII.GetBytes(authority.ExportCertificatePem()),
            [AuthorityKey] = Encoding.ASCII.GetBytes(authority.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()),
            [Certificate] = Encoding.ASCII.GetBytes(serving.ExportCertificatePem()),
            [Key] = Encoding.ASCII.GetBytes(serving.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()),
        };
    }

    /// <summary>What is served; made once, for a chain built at each handshake is most of the work of thousands that dial at once.</summary>
    public static SslStreamCertificateContext Load(IReadOnlyDictionary<string, byte[]> files) => SslStreamCertificateContext.Create(
        X509Certificate2.CreateFromPem(Text(files[Certificate]), Text(files[Key])), additionalCertificates: null, offline: true);

    public static string AuthorityPem(IReadOnlyDictionary<string, byte[]> files) => Text(files[AuthorityCertificate]);

    /// <summary>Made of the authority's key, which stays as long as it; nothing of that key can be learned from it.</summary>
    public static byte[] SharedSecret(IReadOnlyDictionary<string, byte[]> files) => HMACSHA256.HashData(files[AuthorityKey], "kvm-coordinator shared secret"u8);

    private static bool HasAuthority(IReadOnlyDictionary<string, byte[]>? files) =>
        files is not null && files.ContainsKey(AuthorityCertificate) && files.ContainsKey(AuthorityKey);

    private static string Text(byte[] pem) => Encoding.ASCII.GetString(pem);

    private static byte[] Der(byte[] pem)
    {
        var text = Text(pem);
        return Convert.FromBase64String(text[PemEncoding.Find(text).Base64Data]);
    }
}
