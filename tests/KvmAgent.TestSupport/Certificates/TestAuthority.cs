using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KvmAgent.TestSupport.Certificates;

/// <summary>An authority of a test's own, good for an hour or two, that issues clients' and servers' certificates.</summary>
public sealed class TestAuthority : IDisposable
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2", ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    /// <param name="name">Its common name.</param>
    public TestAuthority(string name)
    {
        var request = new CertificateRequest($"CN={name}", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        Certificate = request.CreateSelfSigned(now.AddHours(-1), now.AddHours(2));
    }

    /// <summary>Its own, with the key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>To be trusted.</summary>
    public string Pem => Certificate.ExportCertificatePem();

    /// <param name="end">Until when it is good; as long as the authority where it is not given.</param>
    /// <returns>A client's certificate with its key.</returns>
    public X509Certificate2 Client(string name, DateTimeOffset? end = null) => Issue(name, ClientAuthentication, null, end);

    /// <param name="names">Names and addresses that it is for; the first is its common name too.</param>
    /// <returns>A server's certificate with its key.</returns>
    public X509Certificate2 Server(params string[] names)
    {
        var all = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            if (IPAddress.TryParse(name, out var address))
            {
                all.AddIpAddress(address);
            }
            else
            {
                all.AddDnsName(name);
            }
        }

        return Issue(names[0], ServerAuthentication, all.Build(), null);
    }

    public void Dispose()
    {
        Certificate.Dispose();
        _key.Dispose();
    }

    private X509Certificate2 Issue(string name, string usage, X509Extension? names, DateTimeOffset? end)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        if (names is not null)
        {
            request.CertificateExtensions.Add(names);
        }

        using var certificate = request.Create(Certificate, Certificate.NotBefore, end ?? Certificate.NotAfter, RandomNumberGenerator.GetBytes(8));
        return certificate.CopyWithPrivateKey(key);
    }
}
