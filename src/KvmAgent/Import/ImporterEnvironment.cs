using System.Globalization;
using System.Runtime.InteropServices;
using KvmAgent.Images;
using KvmAgent.Processes;
using KvmAgent.Settings;

namespace KvmAgent.Import;

/// <summary>
/// The contract of the Containerized Data Importer's importer pods (pkg/common/common.go, makeImportEnv): what shall be imported stands in
/// variables, and where in paths that are fixed. What CDI has no variable for is taken from IMG_ALLOW_ADDRESS, IMG_CONNECTIONS and the like.
/// </summary>
internal sealed class ImporterEnvironment(IReadOnlyDictionary<string, string> environment, HostPaths paths, SettingParser parser)
{
    private const string ExtraHeader = "IMPORTER_EXTRA_HEADER_";

    private SettingErrors Errors => parser.Errors;

    /// <summary>Whether an importer pod's variables are there at all.</summary>
    public static bool IsIn(IReadOnlyDictionary<string, string> environment) =>
        environment.Keys.Any(name => name is "IMPORTER_SOURCE" or "IMPORTER_ENDPOINT" && environment[name].Length > 0);

    /// <summary>What they ask for; errors go to the parser's.</summary>
    public ImportSettings Read()
    {
        var endpoint = ImporterEndpoint.Read(Get("IMPORTER_SOURCE"), Get("IMPORTER_ENDPOINT"), Errors);
        var content = Get("IMPORTER_CONTENTTYPE") is { } type
            ? parser.Choice(type, ("kubevirt", ImportContent.Disk), ("archive", ImportContent.Archive))
            : ImportContent.Disk;
        var isDevice = Native.Stat(paths.ImportDevice) is { IsBlockDevice: true };
        DemandSupported(content, isDevice);
        return new ImportSettings(
            endpoint.Source,
            isDevice ? paths.ImportDevice : content == ImportContent.Archive ? paths.ImportVolume : Path.Combine(paths.ImportVolume, "disk.img"))
        {
            Content = content,
            CloneFrom = endpoint.CloneFrom is { } server ? (server, paths.CloneKey) : null,
            IsUpload = endpoint.IsUpload,
            Size = isDevice ? null : ReadSize(Get("IMPORTER_SOURCE")?.Text == "none"),
            Checksum = Get("IMPORTER_CHECKSUM") is { } checksum ? parser.Checksum(checksum) : null,
            Access = ReadAccess(endpoint),
            Preallocate = Get("PREALLOCATION") is { } preallocate && parser.Boolean(preallocate),
            Scratch = Directory.Exists(paths.ImportScratch) ? paths.ImportScratch : null,
            Metrics = paths.ImportMetrics,
            OwnerUid = Get("OWNER_UID")?.Text ?? "",
            Link = ReadLink(endpoint.IsUpload),
            Overhead = ReadOverhead() is var overhead && isDevice ? null : overhead,
        };
    }

    private LinkSettings? ReadLink(bool isNeeded)
    {
        var link = LinkReader.Read(new SettingSource(environment, SpecFile.Empty), parser, Environment.MachineName);
        if (isNeeded && link.Url is null)
        {
            Errors.Add($"{Setting.CoordinatorUrl.Name} is not set, and IMPORTER_SOURCE is upload; set it to the URL of the coordinator to which the image is sent");
        }

        return link.Url is null ? null : link;
    }

    private GivenValue? Get(string name) =>
        environment.TryGetValue(name, out var text) && text.Length > 0 ? new GivenValue(text, name) : null;

    private void DemandSupported(ImportContent content, bool isDevice)
    {
        var source = Get("IMPORTER_SOURCE")?.Text;
        if (content == ImportContent.Archive && source is "none" or "registry" or "clone")
        {
            Errors.Add("IMPORTER_CONTENTTYPE", "archive", $"does not go with IMPORTER_SOURCE={source}", "import archives by http or s3");
        }

        if (content == ImportContent.Archive && isDevice)
        {
            Errors.Add("IMPORTER_CONTENTTYPE", "archive", $"does not go with the block device {paths.ImportDevice}", "take a volume with volumeMode Filesystem");
        }

        if (Get("IMPORTER_PULL_METHOD") is { Text: "node" } pull)
        {
            Errors.Add(pull.Origin, pull.Text, "is not supported", "set pullMethod to pod, or leave it out");
        }

        var ours = RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "amd64";
        if (Get("IMPORTER_REGISTRY_IMAGE_ARCHITECTURE") is { } architecture && architecture.Text != ours)
        {
            Errors.Add(architecture.Origin, architecture.Text, $"is another architecture than this node's, {ours}", "leave it out, or run the importer there");
        }
    }

    private long? ReadSize(bool isBlank)
    {
        if (Get("IMPORTER_IMAGE_SIZE") is { } size)
        {
            return parser.Size(size, 512);
        }

        if (isBlank)
        {
            Errors.Add("IMPORTER_IMAGE_SIZE is not set, and IMPORTER_SOURCE is none; set it to the size of the blank disk, such as 10Gi");
        }

        return null;
    }

    private decimal ReadOverhead()
    {
        if (Get("FILESYSTEM_OVERHEAD") is not { } given)
        {
            return 0;
        }

        if (given.Text.Length < 20 && decimal.TryParse(given.Text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var overhead) && overhead < 1)
        {
            return overhead;
        }

        Errors.Add(given.Origin, given.Text, "is not a fraction", "write a number from 0 to below 1, such as 0.06");
        return 0;
    }

    private SourceAccess ReadAccess(ImporterEndpoint endpoint)
    {
        var access = SourceAccessReader.WithoutSecrets(SourceAccessReader.Read(new SettingSource(environment, SpecFile.Empty), parser));
        return access with
        {
            User = Get("IMPORTER_ACCESS_KEY_ID")?.Text,
            Password = Get("IMPORTER_SECRET_KEY")?.Text,
            CaFile = ReadCertificates() ?? access.CaFile,
            Headers = ReadHeaders(),
            InsecureTls = access.InsecureTls || (Get("INSECURE_TLS") is { } insecure && parser.Boolean(insecure)),
            S3Endpoint = endpoint.S3Endpoint ?? access.S3Endpoint,
            S3Region = endpoint.S3Region ?? access.S3Region,
        };
    }

    /// <summary>A directory, mounted of a ConfigMap; the controller may name one that has nothing in it.</summary>
    private string? ReadCertificates()
    {
        var (server, proxy) = (Directory("IMPORTER_CERT_DIR"), Directory("IMPORTER_PROXY_CERT_DIR"));
        if (server is { } one && proxy is { } two)
        {
            Errors.Add(two.Origin, two.Text, $"goes with IMPORTER_CERT_DIR=\"{one.Text}\" not yet", "put the certificates into one ConfigMap");
        }

        return server?.Text ?? proxy?.Text;

        // Kubernetes' own entries of such a mount begin with dots.
        GivenValue? Directory(string name) =>
            Get(name) is { } given && System.IO.Directory.Exists(given.Text)
            && System.IO.Directory.EnumerateFileSystemEntries(given.Text).Any(path => !Path.GetFileName(path).StartsWith('.')) ? given : null;
    }

    /// <summary><c>Name: value</c> in variables, and in files of mounted secrets: /extraheaders/0/NAME.</summary>
    private List<string> ReadHeaders()
    {
        var headers = new List<string>();
        foreach (var name in environment.Keys.Where(name => name.StartsWith(ExtraHeader, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            Add(name, environment[name]);
        }

        if (!Directory.Exists(paths.ImportHeaders))
        {
            return headers;
        }

        foreach (var directory in Visible(Directory.GetDirectories(paths.ImportHeaders)))
        {
            foreach (var file in Visible(Directory.GetFiles(directory)))
            {
                Add(file, File.ReadAllText(file));
            }
        }

        return headers;

        // What the value is, an error does not say: it may be a secret.
        void Add(string origin, string text)
        {
            if (text.Contains(':', StringComparison.Ordinal))
            {
                headers.Add(text.Trim());
            }
            else
            {
                Errors.Add($"{origin}: is no header; write 'Name: value'");
            }
        }

        static IEnumerable<string> Visible(string[] entries) => entries.Where(path => !Path.GetFileName(path).StartsWith('.')).Order(StringComparer.Ordinal);
    }
}
