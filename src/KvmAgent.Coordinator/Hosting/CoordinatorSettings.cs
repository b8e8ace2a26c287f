using System.Net;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Machines;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Hosting;

/// <summary>All that the environment says of a coordinator in a cluster, valid by construction: <see cref="SettingsReader"/> makes it.</summary>
internal sealed record CoordinatorSettings
{
    /// <summary>Where agents dial.</summary>
    public required IPEndPoint ListenAgents { get; init; }

    /// <summary>Where the API server finds the aggregated API.</summary>
    public required IPEndPoint ListenApi { get; init; }

    /// <summary>Where the management API is.</summary>
    public required IPEndPoint ListenManagement { get; init; }

    /// <summary>Health and metrics.</summary>
    public required IPEndPoint ListenHealth { get; init; }

    /// <summary>Where images are sent, where claims are filled.</summary>
    public required IPEndPoint ListenUploads { get; init; }

    /// <summary>The namespace of the coordinator's own: its lease and its certificates.</summary>
    public required string Namespace { get; init; }

    /// <summary>This replica's name.</summary>
    public required string Identity { get; init; }

    /// <summary>The namespaces whose machines it realises; null: all.</summary>
    public IReadOnlyList<string>? WatchNamespaces { get; init; }

    public required string TlsSecret { get; init; }

    /// <summary>The names that its certificate is for.</summary>
    public required IReadOnlyList<string> TlsNames { get; init; }

    public required MachineOptions Machines { get; init; }

    public ImportOptions Imports { get; init; } = new();

    /// <summary>The URL that agents are given; null: no link.</summary>
    public string? AgentUrl { get; init; }

    /// <summary>What people are told to send images to; null: nothing.</summary>
    public string? UploadUrl { get; init; }

    public required string Audience { get; init; }

    /// <summary>Where other clusters may be all the same.</summary>
    public IReadOnlyList<IPNetwork> ProviderAllowAddresses { get; init; } = [];

    /// <summary>Where jobs and what else is recorded are kept, in SQLite; null: not there.</summary>
    public string? DatabaseFile { get; init; }

    /// <summary>What says where they are kept in PostgreSQL; null: not there. One of the two at most.</summary>
    public string? DatabaseConnectionFile { get; init; }

    /// <summary>How long what happened to machines is kept.</summary>
    public TimeSpan EventsKept { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Null: nothing is traced.</summary>
    public Uri? OtlpEndpoint { get; init; }

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    public bool LogJson { get; init; }
}
