using System.Globalization;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Hosting;

/// <summary>Makes <see cref="CoordinatorSettings"/> of the environment, or tells all that is wrong with it at once.</summary>
internal sealed class SettingsReader(IReadOnlyDictionary<string, string> environment) : EnvironmentReader(environment)
{
    /// <param name="ns">The connection's namespace, where the environment names none.</param>
    /// <exception cref="CoordinatorException">One line for each error.</exception>
    public static CoordinatorSettings Read(IReadOnlyDictionary<string, string> environment, string? ns, string hostName)
    {
        var reader = new SettingsReader(environment);
        var settings = reader.Read(ns, hostName);
        reader.ThrowIfAny();
        return settings;
    }

    private CoordinatorSettings Read(string? ns, string hostName)
    {
        var url = Url(Setting.AgentUrl, "https://kvm-coordinator-agents.kvm-system.svc:8443");
        var uploads = Url(Setting.UploadUrl, "https://upload.example.com");
        return new CoordinatorSettings
        {
            ListenAgents = EndPoint(Setting.ListenAgents),
            ListenApi = EndPoint(Setting.ListenApi),
            ListenManagement = EndPoint(Setting.ListenManagement),
            ListenHealth = EndPoint(Setting.ListenHealth),
            ListenUploads = EndPoint(Setting.ListenUploads),
            Namespace = Text(Setting.Namespace) ?? Text(Setting.OwnNamespace) ?? ns ?? "default",
            Identity = Text(Setting.PodName) ?? hostName,
            WatchNamespaces = List(Setting.WatchNamespace) is { Length: > 0 } namespaces && !namespaces.Contains(Setting.WatchNamespace.Default) ? namespaces : null,
            TlsSecret = Value(Setting.TlsSecret),
            TlsNames = [.. new[] { url?.Host, uploads?.Host }.OfType<string>().Concat(List(Setting.TlsNames)).Distinct()],
            AgentUrl = url?.AbsoluteUri.TrimEnd('/'),
            UploadUrl = uploads?.AbsoluteUri.TrimEnd('/'),
            Audience = Value(Setting.Audience),
            Machines = Machines(),
            Imports = Imports(),
            ProviderAllowAddresses = Networks(Setting.ProviderAllowAddress),
            DatabaseFile = FullPath(Setting.DatabaseFile, "/var/lib/kvm-coordinator/records.db"),
            DatabaseConnectionFile = DatabaseConnectionFile(),
            EventsKept = Days(Setting.EventHistoryDays),
            OtlpEndpoint = OtlpEndpoint(),
            LogJson = IsJson(),
            LogLevel = Level(),
        };
    }

    private MachineOptions Machines()
    {
        var image = Text(Setting.AgentImage);
        if (image is null)
        {
            Errors.Add($"{Setting.AgentImage.Name} is not set; set it to the agent's container image");
        }

        return new MachineOptions
        {
            AgentImage = image ?? "",
            ImagePullPolicy = Choice(Setting.AgentImagePullPolicy, ("IfNotPresent", "IfNotPresent"), ("Always", "Always"), ("Never", "Never")),
            ImagePullSecrets = List(Setting.AgentImagePullSecrets),
            KvmResource = Text(Setting.KvmResource),
            TunResource = Text(Setting.TunResource),
            SysctlForward = Choice(Setting.SysctlIpForward, ("false", false), ("true", true)),
            HostDiskPaths = HostDiskPaths(),
            NodeSelector = NodeSelector(),
        };
    }

    private ImportOptions Imports()
    {
        var text = Value(Setting.ImportConcurrency);
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var concurrency) || concurrency > 1000)
        {
            Wrong(Setting.ImportConcurrency, text, "is no number from 0 to 1000", $"give one such as {Setting.ImportConcurrency.Default}");
        }

        return new ImportOptions { Concurrency = concurrency, Requests = Quantities(Setting.ImporterRequests), Limits = Quantities(Setting.ImporterLimits) };
    }

    private Dictionary<string, Quantity> Quantities(Setting setting)
    {
        var quantities = new Dictionary<string, Quantity>();
        foreach (var part in List(setting))
        {
            if (part.Split('=') is [{ Length: > 0 } resource, var text] && new Quantity(text).TryValue(out var value) && value >= 0)
            {
                quantities[resource] = new Quantity(text);
            }
            else
            {
                Wrong(setting, part, "is no resource with a quantity", $"write {setting.Default}");
            }
        }

        return quantities;
    }

    private string? DatabaseConnectionFile()
    {
        var path = FullPath(Setting.DatabaseConnectionFile, "/etc/kvm-coordinator/database/uri");
        if (path is not null && Text(Setting.DatabaseFile) is { } other)
        {
            Wrong(Setting.DatabaseConnectionFile, path, $"and {Setting.DatabaseFile.Name}=\"{other}\" exclude one another", "set one of them");
        }

        return path;
    }

    private string? FullPath(Setting setting, string example)
    {
        if (Text(setting) is { } text && !Path.IsPathFullyQualified(text))
        {
            Wrong(setting, text, "is no full path", $"give one such as {example}");
        }

        return Text(setting);
    }

    private Uri? Url(Setting setting, string example)
    {
        if (Text(setting) is not { } text)
        {
            return null;
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme != Uri.UriSchemeHttps || url.UserInfo.Length > 0 || url.Query.Length > 0)
        {
            Wrong(setting, text, "is no https URL", $"give one such as {example}");
            return null;
        }

        return url;
    }

    private string[] HostDiskPaths()
    {
        var paths = List(Setting.HostDiskPaths);
        foreach (var path in paths.Where(static p => p[0] != '/' || p.TrimEnd('/').Length == 0 || p.Split('/').Any(static s => s is "." or "..")))
        {
            Wrong(Setting.HostDiskPaths, path, "is no full path of a directory below /", "give one such as /var/lib/vms");
        }

        return paths;
    }

    private Dictionary<string, string> NodeSelector()
    {
        var labels = new Dictionary<string, string>();
        foreach (var label in List(Setting.NodeSelector))
        {
            if (label.Split('=') is [{ Length: > 0 } key, var value])
            {
                labels[key] = value;
            }
            else
            {
                Wrong(Setting.NodeSelector, label, "is no label", "write key=value");
            }
        }

        return labels;
    }
}
