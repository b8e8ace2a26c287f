using System.CommandLine;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Providers;

/// <summary>What a provider is made of. Secrets come from files or the standard input, and never as an argument's value, which everybody on the machine sees.</summary>
internal sealed class ProviderOptions
{
    private readonly Option<string?> _file = new("--filename", "-f") { Description = "HyperSDK's configuration of the provider, in YAML or JSON; the kubeconfig that it names is read here." };

    private readonly Option<string?> _kubeconfig = new("--kubeconfig") { Description = "A kubeconfig, or - for the standard input; as `kubectl config view --raw --flatten` prints it. It is kept as it is." };

    private readonly Option<string?> _context = new("--context") { Description = "Of the kubeconfig, instead of its current one." };

    private readonly Option<string?> _server = new("--server") { Description = "Its address, such as https://host:6443, instead of a kubeconfig." };

    private readonly Option<string?> _authority = new("--ca") { Description = "PEM of the authority that the server's certificate is of; without it the system's are trusted." };

    private readonly Option<string?> _token = new("--token-file") { Description = "A file with the token, or - for the standard input." };

    private readonly Option<string?> _certificate = new("--certificate") { Description = "PEM of a client certificate, with --key." };

    private readonly Option<string?> _key = new("--key") { Description = "PEM of its key, without a passphrase." };

    private readonly Option<string?> _user = new("--user") { Description = "A user's name, with --password-file." };

    private readonly Option<string?> _password = new("--password-file") { Description = "A file with the password, or - for the standard input." };

    private readonly Option<string?> _namespace = new("--namespace", "-n") { Description = "Of machines that are named without one; \"\" takes back what was given." };

    private readonly Option<string?> _storageClass = new("--storage-class") { Description = "Of volumes that say none; \"\" takes back what was given." };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _file, _kubeconfig, _context, _server, _authority, _token, _certificate, _key, _user, _password, _namespace, _storageClass })
        {
            command.Add(option);
        }
    }

    /// <exception cref="CliException">A file cannot be read, or two are the standard input.</exception>
    public async Task<ProviderRequest> ReadAsync(ParseResult result, string name, CancellationToken cancel)
    {
        Option<string?>[] files = [_file, _kubeconfig, _authority, _token, _certificate, _key, _password];
        if (files.Where(f => result.GetValue(f) == "-").Select(static f => f.Name).ToArray() is { Length: > 1 } several)
        {
            throw new CliException(ExitCodes.Usage, $"{string.Join(" and ", several)} are both the standard input; give one of them as a file");
        }

        return new ProviderRequest
        {
            Name = name,
            Provider = await TextAsync(_file).ConfigureAwait(false) is { } text ? await HyperSdkFile.ReadAsync(_file.Name, result.GetValue(_file)!, text, cancel).ConfigureAwait(false) : null,
            Kubeconfig = await TextAsync(_kubeconfig).ConfigureAwait(false),
            Context = result.GetValue(_context),
            Server = result.GetValue(_server),
            CertificateAuthority = await TextAsync(_authority).ConfigureAwait(false),
            Token = (await TextAsync(_token).ConfigureAwait(false))?.Trim(),
            ClientCertificate = await TextAsync(_certificate).ConfigureAwait(false),
            ClientKey = await TextAsync(_key).ConfigureAwait(false),
            Username = result.GetValue(_user),
            // A password may have blanks, but an editor's line end is none of it.
            Password = (await TextAsync(_password).ConfigureAwait(false))?.TrimEnd('\r', '\n'),
            Namespace = result.GetValue(_namespace),
            StorageClass = result.GetValue(_storageClass),
        };

        async Task<string?> TextAsync(Option<string?> option) => result.GetValue(option) is { } file ? await Files.ReadAsync(option.Name, file, cancel).ConfigureAwait(false) : null;
    }
}
