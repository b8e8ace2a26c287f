namespace KvmAgent.Kubernetes;

/// <summary>
/// A token in a file that somebody replaces before it expires. It is read for each request: some microseconds, and no clock decides when
/// a new one is seen.
/// </summary>
/// <param name="field">Who names the file: for errors.</param>
internal sealed class TokenFileCredentials(string path, string field, ClientCertificate? certificate) : Credentials
{
    private const int MostBytes = 1 << 20;

    private volatile string? _last;

    public override ValueTask<Credential> CurrentAsync(TimeProvider time, CancellationToken ct) => new(Current());

    public override bool Refused(Credential credential) => credential.Authorization != Current().Authorization;

    private Credential Current()
    {
        try
        {
            _last = Read();
        }
        catch (KubernetesConfigException) when (_last is not null)
        {
            // Caught in the middle of being replaced: the one before is good for a while yet.
        }

        return Credential.OfToken(_last!, certificate);
    }

    /// <exception cref="KubernetesConfigException">It is not readable, or has no token.</exception>
    public string Read()
    {
        try
        {
            var file = new FileInfo(path);
            if (file.Length > MostBytes)
            {
                throw new KubernetesConfigException($"{field}: {path} is larger than a token can be; put the token alone into it");
            }

            var token = File.ReadAllText(path).Trim();
            return token.Length > 0 && token.All(static c => c is > ' ' and < '\x7f')
                ? token
                : throw new KubernetesConfigException($"{field}: {path} holds no token (one line of visible ASCII); have it written anew");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KubernetesConfigException($"{field}: {path} cannot be read: {e.Message}; name a readable file with a token", e);
        }
    }
}
