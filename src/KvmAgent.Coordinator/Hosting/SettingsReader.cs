using System.Net;
using KvmAgent.Coordinator.Machines;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Hosting;

/// <summary>Makes <see cref="CoordinatorSettings"/> of the environment, or tells all that is wrong with it at once.</summary>
internal sealed class SettingsReader(IReadOnlyDictionary<string, string> environment)
{
    private readonly List<string> _errors = [];

    /// <param name="ns">The connection's namespace, where the environment names none.</param>
    /// <exception cref="CoordinatorException">One line for each error.</exception>
    public static CoordinatorSettings Read(IReadOnlyDictionary<string, string> environment, string? ns, string hostName)
    {
        var reader = new SettingsReader(environment);
        var settings = reader.Read(ns, hostName);
        return reader._errors.Count == 0 ? settings : throw new CoordinatorException(FailureReason.Settings, string.Join('\n', reader._errors));
    }

    private CoordinatorSettings Read(string? ns, string hostName)
    {
        var url = Url();
        return new CoordinatorSettings
        {
            ListenAgents = EndPoint(Setting.ListenAgents),
            ListenApi = EndPoint(Setting.ListenApi),
            ListenHealth = EndPoint(Setting.ListenHealth),
            Namespace = Text(Setting.Namespace) ?? ns ?? "default",
            Identity = Text(Setting.PodName) ?? hostName,
            WatchNamespace = Text(Setting.WatchNamespace),
            TlsSecret = Value(Setting.TlsSecret),
            TlsNames = [.. new[] { url?.Host }.OfType<string>().Concat(List(Setting.TlsNames)).Distinct()],
            AgentUrl = url?.AbsoluteUri.TrimEnd('/'),
            Audience = Value(Setting.Audience),
            Machines = Machines(),
            LogJson = Choice(Setting.LogFormat, ("text", false), ("json", true)),
            LogLevel = Choice(
                Setting.LogLevel, ("debug", LogLevel.Debug), ("info", LogLevel.Information), ("warning", LogLevel.Warning), ("error", LogLevel.Error)),
        };
    }

    private MachineOptions Machines()
    {
        var image = Text(Setting.AgentImage);
        if (image is null)
        {
            _errors.Add($"{Setting.AgentImage.Name} is not set; set it to the agent's container image");
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

    private Uri? Url()
    {
        if (Text(Setting.AgentUrl) is not { } text)
        {
            return null;
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme != Uri.UriSchemeHttps || url.UserInfo.Length > 0 || url.Query.Length > 0)
        {
            Wrong(Setting.AgentUrl, text, "is no https URL", "give one such as https://kvm-coordinator-agents.kvm-system.svc:8443");
            return null;
        }

        return url;
    }

    private IPEndPoint EndPoint(Setting setting)
    {
        var text = Value(setting);
        // Without a port it would be any.
        if (IPEndPoint.TryParse(text, out var endpoint) && text.EndsWith($":{endpoint.Port}", StringComparison.Ordinal))
        {
            return endpoint;
        }

        Wrong(setting, text, "is no address with a port", $"give one such as {setting.Default}");
        return new IPEndPoint(IPAddress.Loopback, 0);
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

    private T Choice<T>(Setting setting, params (string Text, T Value)[] choices)
    {
        var text = Value(setting);
        foreach (var (name, value) in choices)
        {
            if (name == text)
            {
                return value;
            }
        }

        Wrong(setting, text, "is not known", $"give {string.Join(" or ", choices.Select(static c => c.Text))}");
        return choices[0].Value;
    }

    private string[] List(Setting setting) =>
        (Text(setting) ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private string Value(Setting setting) => Text(setting) ?? setting.Default;

    /// <summary>An empty variable counts as not set.</summary>
    private string? Text(Setting setting) => environment.GetValueOrDefault(setting.Name) is { Length: > 0 } text ? text : null;

    private void Wrong(Setting setting, string value, string problem, string remedy) => _errors.Add($"{setting.Name}=\"{value}\" {problem}; {remedy}");
}
