using System.Net;

namespace KvmAgent.Images;

/// <summary>How an image's server is reached, and what it is shown. Secrets go to the origin of the source and to no other.</summary>
public sealed record SourceAccess
{
    /// <summary>The user of Basic authentication or of a registry; of S3 the access key id. With it <see cref="Password"/>.</summary>
    public string? User { get; init; }

    /// <summary>The password; of S3 the secret key.</summary>
    public string? Password { get; init; }

    /// <summary>
    /// A file of registries' users (containers-auth.json(5), a Secret's .dockerconfigjson), for <c>docker://</c> and <c>oci://</c> where there is
    /// no <see cref="User"/>. Each is for the registry under whose name it stands.
    /// </summary>
    public string? RegistryAuthFile { get; init; }

    /// <summary>Sent as <c>Authorization: Bearer</c>; of S3 the session token beside user and password.</summary>
    public string? BearerToken { get; init; }

    /// <summary>One <c>Name: value</c> a line, <c>#</c> for comments.</summary>
    public string? HeadersFile { get; init; }

    /// <summary>Further lines of that form.</summary>
    public IReadOnlyList<string> Headers { get; init; } = [];

    /// <summary>PEM certificates to trust beside the system's: a file, or a directory of <c>.crt</c>, <c>.cer</c> and <c>.pem</c> files.</summary>
    public string? CaFile { get; init; }

    /// <summary>A PEM certificate to show where a server asks for one, and in the same file or in <see cref="ClientKeyFile"/> its key.</summary>
    public string? ClientCertificateFile { get; init; }

    /// <inheritdoc cref="ClientCertificateFile"/>
    public string? ClientKeyFile { get; init; }

    /// <summary>Take any certificate for the server's. Whoever is in between can then send any image.</summary>
    public bool InsecureTls { get; init; }

    /// <summary>Addresses to fetch from although they are loopback, link-local, a cloud's metadata service or the like.</summary>
    public IReadOnlyList<IPNetwork> AllowAddresses { get; init; } = [];

    /// <summary>How many ranges are fetched at once where the server has ranges, and how many pieces of an image are unpacked at once.</summary>
    public int Connections { get; init; } = 6;

    /// <summary>The http or https URL of the S3 server for <c>s3://BUCKET/KEY</c>; null for that of AWS in <see cref="S3Region"/>.</summary>
    public string? S3Endpoint { get; init; }

    /// <summary>The region that S3 requests are signed for; null for <c>us-east-1</c>.</summary>
    public string? S3Region { get; init; }
}
