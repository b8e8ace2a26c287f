using System.Text.Json.Serialization;

namespace KvmAgent.Contracts.Rest;

/// <summary>A provider that is always there.</summary>
public static class ProviderNames
{
    /// <summary>The coordinator's own cluster; alone, the agents that are linked to it.</summary>
    public const string Own = "local";
}

/// <summary>How a provider is.</summary>
public static class ProviderStates
{
    /// <summary>It does not answer, or nothing can be asked where it is.</summary>
    public const string Unreachable = "unreachable";

    /// <summary>It answers, and takes what is shown to it.</summary>
    public const string Connected = "connected";

    /// <summary>It answers, and does not take what is shown to it, or allows too little.</summary>
    public const string Refused = "refused";

    /// <summary>What is kept of it cannot be understood.</summary>
    public const string Unusable = "unusable";
}

/// <summary>By what a provider knows us.</summary>
public static class ProviderCredentials
{
    /// <summary>Of the own cluster: by each caller's own token.</summary>
    public const string Caller = "caller";

    public const string Kubeconfig = "kubeconfig", Token = "token", Certificate = "certificate", Password = "password";
}

/// <summary>A cluster whose machines are managed, as anybody may see it: never what is shown to it.</summary>
public sealed record ProviderSummary
{
    public required string Name { get; init; }

    /// <summary>Always <c>kubevirt</c>.</summary>
    public string Type { get; init; } = "kubevirt";

    /// <summary>One of <see cref="ProviderCredentials"/>; null where it is not known.</summary>
    public string? Credential { get; init; }

    /// <summary>Its address; null for the own cluster.</summary>
    public string? Server { get; init; }

    /// <summary>The kubeconfig's, where it is of one.</summary>
    public string? Context { get; init; }

    /// <summary>Where a machine is that is named without a namespace.</summary>
    public string? Namespace { get; init; }

    /// <summary>Whether machines of all namespaces are seen, or of <see cref="Namespace"/> alone.</summary>
    public bool AllNamespaces { get; init; }

    /// <summary>Of volumes that say none.</summary>
    public string? StorageClass { get; init; }

    /// <summary>Whether its certificate is not looked at.</summary>
    public bool Insecure { get; init; }

    /// <summary>One of <see cref="ProviderStates"/>.</summary>
    public required string State { get; init; }

    /// <summary>Why it is not connected.</summary>
    public string? Message { get; init; }

    /// <summary>Of its Kubernetes: <c>v1.32.1</c>.</summary>
    public string? Version { get; init; }

    public DateTimeOffset? AddedAt { get; init; }
}

/// <param name="Providers">The own cluster first, then by name.</param>
public sealed record ProviderList(IReadOnlyList<ProviderSummary> Providers, int Total, DateTimeOffset Timestamp);

public sealed record ProviderDetails(ProviderSummary Provider, DateTimeOffset Timestamp);

/// <summary>Nothing to be said.</summary>
public sealed record ProviderListRequest;

public sealed record ProviderGetRequest(string? Name);

/// <summary>
/// A provider as it is added or changed: a kubeconfig, or a server's address with one of token, certificate or password. Where it is
/// changed, what is left out stays; credentials are replaced as a whole.
/// </summary>
public sealed record ProviderRequest
{
    /// <summary>Lower-case letters, digits and '-'; it does not change any more.</summary>
    public string? Name { get; init; }

    /// <summary>A kubeconfig's text, as <c>kubectl config view --raw --flatten</c> prints it. It is kept as it is.</summary>
    public string? Kubeconfig { get; init; }

    /// <summary>Of the kubeconfig; without it the current one.</summary>
    public string? Context { get; init; }

    /// <summary>Its address: <c>https://host:6443</c>.</summary>
    public string? Server { get; init; }

    /// <summary>PEM of what its certificate is of; without it the system's authorities are trusted.</summary>
    public string? CertificateAuthority { get; init; }

    public string? Token { get; init; }

    /// <summary>PEM, with <see cref="ClientKey"/>.</summary>
    public string? ClientCertificate { get; init; }

    /// <summary>PEM, without a passphrase.</summary>
    public string? ClientKey { get; init; }

    /// <summary>With <see cref="Password"/>.</summary>
    public string? Username { get; init; }

    public string? Password { get; init; }

    /// <summary>Where a machine is that is named without a namespace; without it the context's, or <c>default</c>.</summary>
    public string? Namespace { get; init; }

    /// <summary>Of volumes that say none.</summary>
    public string? StorageClass { get; init; }

    /// <summary>The same in HyperSDK's form.</summary>
    public HyperSdkProvider? Provider { get; init; }

    /// <summary>Nothing of it belongs into a log.</summary>
    public override string ToString() => $"{nameof(ProviderRequest)} {Name}";
}

/// <summary>A provider's configuration as HyperSDK has it.</summary>
public sealed record HyperSdkProvider
{
    /// <summary><c>kubevirt</c>.</summary>
    public string? Type { get; init; }

    public HyperSdkMetadata? Metadata { get; init; }

    /// <inheritdoc/>
    public override string ToString() => nameof(HyperSdkProvider);
}

/// <summary>What HyperSDK says of KubeVirt; a kubeconfig is its text here, and no path.</summary>
public sealed record HyperSdkMetadata
{
    public string? Namespace { get; init; }

    public string? Kubeconfig { get; init; }

    [JsonPropertyName("storageClass")]
    public string? StorageClass { get; init; }

    /// <inheritdoc/>
    public override string ToString() => nameof(HyperSdkMetadata);
}
