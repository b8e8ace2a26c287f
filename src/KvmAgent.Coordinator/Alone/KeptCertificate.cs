using System.Net.Security;
using System.Security.Cryptography;
using KvmAgent.Coordinator.Certificates;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Alone;

/// <summary>The certificate that is served, and its authority, in the files of DATA_DIR: made where they are not there, and rotated.</summary>
internal sealed partial class KeptCertificate(DataDirectory directory, IReadOnlyList<string> names, TimeProvider time, ILogger<KeptCertificate> log)
{
    private volatile SslStreamCertificateContext? _current;

    public SslStreamCertificateContext Context => _current ?? throw new InvalidOperationException("there is no certificate before the first look");

    /// <summary>PEM, to be trusted.</summary>
    public string AuthorityPem { get; private set; } = "";

    /// <summary>What nobody else knows: for keys of all kinds, each made of it by a name of its own.</summary>
    public byte[] SharedSecret { get; private set; } = [];

    /// <summary>Looks once; there is a certificate then.</summary>
    /// <exception cref="CoordinatorException">The files make no sense, or cannot be written.</exception>
    public Task LookAsync(CancellationToken cancel)
    {
        try
        {
            var files = Read();
            if (!CertificateFiles.Fit(files, names, time.GetUtcNow()))
            {
                files = CertificateFiles.Make(files, names, time.GetUtcNow());
                Write(files);
                LogMade();
            }

            AuthorityPem = CertificateFiles.AuthorityPem(files);
            SharedSecret = CertificateFiles.SharedSecret(files);
            var certificate = CertificateFiles.Load(files);
            if (_current?.TargetCertificate.Thumbprint != certificate.TargetCertificate.Thumbprint)
            {
                // The former is left to the connections that still use it.
                _current = certificate;
            }

            return Task.CompletedTask;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or FormatException)
        {
            throw new CoordinatorException(
                FailureReason.Data,
                $"the certificates in {directory.FullPath} make no sense: {e.Message}; put back copies of {CertificateFiles.AuthorityKey} and agents/{CertificateFiles.AuthorityCertificate}, "
                + $"or remove them, {CertificateFiles.Certificate} and {CertificateFiles.Key}: then agents and clients must be given the new agents/{CertificateFiles.AuthorityCertificate}",
                e);
        }
    }

    public Task RunAsync(CancellationToken stop) => Regularly.LookAsync(LookAsync, LogFailed, Regularly.Minute, Regularly.Minute, time, stop);

    private Dictionary<string, byte[]> Read() => new[]
        {
            CertificateFiles.AuthorityCertificate, CertificateFiles.AuthorityKey, CertificateFiles.Certificate, CertificateFiles.Key,
        }
        .Select(name => (Name: name, Content: DataDirectory.TryRead(PathOf(name))))
        .Where(static f => f.Content is not null)
        .ToDictionary(static f => f.Name, static f => System.Text.Encoding.ASCII.GetBytes(f.Content!));

    /// <summary>The keys before their certificates: what a crash between them leaves is made anew, or used on.</summary>
    private void Write(Dictionary<string, byte[]> files)
    {
        directory.Write(PathOf(CertificateFiles.AuthorityKey), files[CertificateFiles.AuthorityKey], DataDirectory.OwnerReads);
        directory.Write(PathOf(CertificateFiles.AuthorityCertificate), files[CertificateFiles.AuthorityCertificate], DataDirectory.AllRead);
        File.Delete(PathOf(CertificateFiles.Certificate));
        directory.Write(PathOf(CertificateFiles.Key), files[CertificateFiles.Key], DataDirectory.OwnerReads);
        directory.Write(PathOf(CertificateFiles.Certificate), files[CertificateFiles.Certificate], DataDirectory.AllRead);
    }

    private string PathOf(string name) => name == CertificateFiles.AuthorityCertificate ? directory.AgentAuthority : directory.At(name);

    [LoggerMessage(Level = LogLevel.Information, Message = "a new certificate is served")]
    private partial void LogMade();

    [LoggerMessage(Level = LogLevel.Warning, Message = "the certificate could not be looked at, the former is served on: {Error}")]
    private partial void LogFailed(string error);
}
