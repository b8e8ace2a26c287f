using System.Security.Cryptography;
using System.Text.Json;

namespace KvmAgent.Kubernetes;

/// <summary>What a plugin gave.</summary>
/// <param name="Expires">Null: good until the server says otherwise.</param>
internal sealed record ExecAnswer(string? Token, ClientCertificate? Certificate, DateTimeOffset? Expires)
{
    public static ExecAnswer Parse(string place, string command, string apiVersion, string output)
    {
        KubernetesConfigException Wrong(string what, Exception? inner = null) =>
            new($"{place}: {command} {what}; expected an ExecCredential of {apiVersion}", inner);

        ExecCredential? credential;
        try
        {
            credential = JsonSerializer.Deserialize(output, KubernetesJson.Default.ExecCredential);
        }
        catch (JsonException e)
        {
            // Not what it printed: that may be half a token.
            throw Wrong("printed something that is not understood", e);
        }

        if (credential is not { Kind: "ExecCredential" } || credential.ApiVersion != apiVersion)
        {
            throw Wrong($"printed {credential?.ApiVersion ?? "no apiVersion"} {credential?.Kind ?? "and no kind"}");
        }

        var status = credential.Status ?? throw Wrong("printed no status");
        var hasCertificate = status.ClientCertificateData is { Length: > 0 };
        if (hasCertificate != status.ClientKeyData is { Length: > 0 })
        {
            throw Wrong("printed only one of clientCertificateData and clientKeyData");
        }

        if (!hasCertificate && string.IsNullOrEmpty(status.Token))
        {
            throw Wrong("printed neither token nor certificate");
        }

        try
        {
            var certificate = hasCertificate ? ClientCertificate.FromPem(status.ClientCertificateData!, status.ClientKeyData!) : null;
            return new ExecAnswer(string.IsNullOrEmpty(status.Token) ? null : status.Token, certificate, status.ExpirationTimestamp);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw Wrong($"printed a certificate and key that do not fit ({e.Message})", e);
        }
    }
}

internal sealed record ExecCredential
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public ExecCredentialStatus? Status { get; init; }
}

internal sealed record ExecCredentialStatus
{
    public DateTimeOffset? ExpirationTimestamp { get; init; }

    public string? Token { get; init; }

    /// <summary>PEM as it is, not base64.</summary>
    public string? ClientCertificateData { get; init; }

    public string? ClientKeyData { get; init; }
}
