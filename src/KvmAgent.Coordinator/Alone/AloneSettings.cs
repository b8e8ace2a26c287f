using System.Net;
using KvmAgent.Coordinator.Hosting;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Alone;

/// <summary>All that the environment says of a coordinator without a cluster, valid by construction.</summary>
internal sealed record AloneSettings
{
    public required string DataDir { get; init; }

    public required IPEndPoint ListenAgents { get; init; }

    public required IPEndPoint ListenApi { get; init; }

    public required IPEndPoint ListenManagement { get; init; }

    public required IPEndPoint ListenHealth { get; init; }

    /// <summary>Null: there is no home to have it in, and it was not named.</summary>
    public string? KeyFile { get; init; }

    /// <summary>Where other clusters may be all the same.</summary>
    public IReadOnlyList<IPNetwork> ProviderAllowAddresses { get; init; } = [];

    /// <summary>How long what happened to machines is kept.</summary>
    public TimeSpan EventsKept { get; init; } = TimeSpan.FromDays(30);

    /// <summary>As given: what is listened on comes besides.</summary>
    public required IReadOnlyList<string> TlsNames { get; init; }

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    public bool LogJson { get; init; }
}

/// <summary>Makes <see cref="AloneSettings"/> of the environment, or tells all that is wrong with it at once.</summary>
internal sealed class AloneSettingsReader(IReadOnlyDictionary<string, string> environment) : EnvironmentReader(environment)
{
    private const string OfRoot = "/var/lib/kvm-coordinator", Name = "kvm-coordinator", KeyOfRoot = "/etc/kvm-coordinator/key";

    private static readonly Setting StateHome = new("XDG_STATE_HOME", "", ""), ConfigHome = new("XDG_CONFIG_HOME", "", ""), Home = new("HOME", "", "");

    /// <exception cref="CoordinatorException">One line for each error.</exception>
    public static AloneSettings Read(IReadOnlyDictionary<string, string> environment, bool isRoot)
    {
        var reader = new AloneSettingsReader(environment);
        var directory = reader.DataDir(isRoot);
        var settings = new AloneSettings
        {
            DataDir = directory,
            KeyFile = reader.KeyFilePath(isRoot, directory),
            ProviderAllowAddresses = reader.Networks(Setting.ProviderAllowAddress),
            EventsKept = reader.Days(Setting.EventHistoryDays),
            ListenAgents = reader.EndPoint(AloneSetting.ListenAgents),
            ListenApi = reader.EndPoint(AloneSetting.ListenApi),
            ListenManagement = reader.EndPoint(AloneSetting.ListenManagement),
            ListenHealth = reader.EndPoint(AloneSetting.ListenHealth),
            TlsNames = reader.TlsNames(),
            LogJson = reader.IsJson(),
            LogLevel = reader.Level(),
        };
        reader.ThrowIfAny();
        return settings;
    }

    /// <summary>DATA_DIR alone, for commands that listen nowhere.</summary>
    public static string ReadDataDir(IReadOnlyDictionary<string, string> environment, bool isRoot)
    {
        var reader = new AloneSettingsReader(environment);
        var directory = reader.DataDir(isRoot);
        reader.ThrowIfAny();
        return directory;
    }

    private string? KeyFilePath(bool isRoot, string directory)
    {
        if (Text(AloneSetting.KeyFile) is not { } given)
        {
            return isRoot ? KeyOfRoot
                : Text(ConfigHome) is { } config && Path.IsPathFullyQualified(config) ? Path.Combine(config, Name, "key")
                : Text(Home) is { } home ? Path.Combine(home, ".config", Name, "key")
                : null;
        }

        if (!Path.IsPathFullyQualified(given))
        {
            Wrong(AloneSetting.KeyFile, given, "is no full path", $"give one such as {KeyOfRoot}");
        }
        else if (KeyFile.IsWithin(given, directory))
        {
            Errors.Add(KeyFile.Within(given, directory));
        }

        return given;
    }

    private string DataDir(bool isRoot)
    {
        if (Text(AloneSetting.DataDir) is { } given)
        {
            if (!Path.IsPathFullyQualified(given))
            {
                Wrong(AloneSetting.DataDir, given, "is no full path", $"give one such as {OfRoot}");
            }

            return given;
        }

        // By the XDG base directory specification a relative one counts as not set.
        var state = Text(StateHome) is { } home && Path.IsPathFullyQualified(home) ? home
            : Text(Home) is { } own ? Path.Combine(own, ".local/state")
            : null;
        if (!isRoot && state is null)
        {
            Errors.Add($"{AloneSetting.DataDir.Name} is not set, and neither is {Home.Name}; set it to a directory that is the coordinator's own");
        }

        return isRoot ? OfRoot : Path.Combine(state ?? "/", Name);
    }

    private string[] TlsNames()
    {
        var names = List(AloneSetting.TlsNames);
        foreach (var name in names.Where(static n => Uri.CheckHostName(n) == UriHostNameType.Unknown))
        {
            Wrong(AloneSetting.TlsNames, name, "is neither a host's name nor an address", "give such as vms.example.org or 192.0.2.1");
        }

        return names;
    }
}
