using System.CommandLine;
using KvmAgent.Images;
using KvmAgent.Settings;

namespace KvmAgent.Commands;

/// <summary>How an image's server is reached, by options; each goes before the environment.</summary>
internal sealed class SourceOptions
{
    private const int MostConnections = 64;

    private readonly Option<string[]> _allow = new("--allow-address") { Description = "Allow an address or network as IMG_ALLOW_ADDRESS does.", DefaultValueFactory = _ => [] };
    private readonly Option<int?> _connections = new("--connections") { Description = "How many pieces are fetched and unpacked at once; 6 unless said otherwise." };
    private readonly Option<string?> _user = new("--user") { Description = "The user of the server or registry, or the access key id of S3." };
    private readonly Option<string?> _password = new("--password-file") { Description = "File with the user's password, or the secret key of S3." };
    private readonly Option<string?> _token = new("--token-file") { Description = "File with a bearer token, or the session token of S3." };
    private readonly Option<string?> _headers = new("--headers-file") { Description = "File of HTTP headers, 'Name: value' a line." };
    private readonly Option<string?> _authorities = new("--ca-file") { Description = "PEM certificates to trust beside the system's: a file or a directory." };
    private readonly Option<string?> _certificate = new("--client-cert") { Description = "PEM file of the certificate to show to the server." };
    private readonly Option<string?> _key = new("--client-key") { Description = "PEM file of its key, if that is another." };
    private readonly Option<bool> _insecure = new("--insecure-tls") { Description = "Take any certificate for the server's." };
    private readonly Option<string?> _s3Endpoint = new("--s3-endpoint") { Description = "URL of the S3 server for s3://BUCKET/KEY." };
    private readonly Option<string?> _s3Region = new("--s3-region") { Description = "Region of that bucket." };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[]
            { _allow, _connections, _user, _password, _token, _headers, _authorities, _certificate, _key, _insecure, _s3Endpoint, _s3Region })
        {
            command.Add(option);
        }
    }

    /// <param name="arguments">The command line.</param>
    /// <param name="access">What the environment says.</param>
    /// <param name="parser">Gets the errors.</param>
    public SourceAccess Over(SourceAccess access, ParseResult arguments, SettingParser parser)
    {
        var user = arguments.GetValue(_user);
        return access with
        {
            AllowAddresses = [.. access.AllowAddresses, .. (arguments.GetValue(_allow) ?? []).SelectMany(text => parser.Networks(new GivenValue(text, _allow.Name)))],
            Connections = Connections() ?? access.Connections,
            // A user of the command line has not the password of the environment's.
            User = user ?? access.User,
            Password = Secret(_password) ?? (user is null ? access.Password : null),
            BearerToken = Secret(_token) ?? access.BearerToken,
            HeadersFile = Path(_headers) ?? access.HeadersFile,
            CaFile = Path(_authorities) ?? access.CaFile,
            ClientCertificateFile = Path(_certificate) ?? access.ClientCertificateFile,
            ClientKeyFile = Path(_key) ?? (arguments.GetValue(_certificate) is null ? access.ClientKeyFile : null),
            InsecureTls = arguments.GetValue(_insecure) || access.InsecureTls,
            S3Endpoint = arguments.GetValue(_s3Endpoint) ?? access.S3Endpoint,
            S3Region = arguments.GetValue(_s3Region) ?? access.S3Region,
        };

        int? Connections()
        {
            if (arguments.GetValue(_connections) is not { } number || number is >= 1 and <= MostConnections)
            {
                return arguments.GetValue(_connections);
            }

            parser.Errors.Add($"{_connections.Name}=\"{number}\": must be a whole number from 1 to {MostConnections}");
            return null;
        }

        string? Path(Option<string?> option)
        {
            if (arguments.GetValue(option) is not { } given)
            {
                return null;
            }

            var path = System.IO.Path.GetFullPath(given);
            if (!System.IO.Path.Exists(path))
            {
                parser.Errors.Add(option.Name, given, "there is no such file", "give one that is there");
            }

            return path;
        }

        string? Secret(Option<string?> option)
        {
            if (Path(option) is not { } path || !File.Exists(path))
            {
                return null;
            }

            try
            {
                // An editor's last newline is not of the secret.
                return File.ReadAllText(path).TrimEnd('\r', '\n');
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                parser.Errors.Add(option.Name, path, $"cannot be read: {e.Message}", "check its permissions");
                return null;
            }
        }
    }
}
