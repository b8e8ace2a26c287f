using System.Text.Json.Serialization;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Coordinator.Providers;

/// <summary>What is kept of another cluster: secrets of somebody's, which are shown to it and to nobody else.</summary>
internal sealed record KeptProvider
{
    public required string Name { get; init; }

    /// <summary>As it was sent, to the letter.</summary>
    public string? Kubeconfig { get; init; }

    /// <summary>Null: the kubeconfig's current one.</summary>
    public string? Context { get; init; }

    /// <summary>Without a kubeconfig, as what follows.</summary>
    public string? Server { get; init; }

    public string? CertificateAuthority { get; init; }

    public string? Token { get; init; }

    public string? ClientCertificate { get; init; }

    public string? ClientKey { get; init; }

    public string? Username { get; init; }

    public string? Password { get; init; }

    /// <summary>Null: the context's, or <c>default</c>.</summary>
    public string? Namespace { get; init; }

    public string? StorageClass { get; init; }

    /// <summary>Whether its rights reach all namespaces, as they did when it was verified; otherwise its own alone is watched.</summary>
    public bool AllNamespaces { get; init; } = true;

    /// <summary>One of <see cref="ProviderCredentials"/>; null where there are none.</summary>
    [JsonIgnore]
    public string? Credential => Kubeconfig is not null ? ProviderCredentials.Kubeconfig
        : Token is not null ? ProviderCredentials.Token
        : ClientCertificate is not null ? ProviderCredentials.Certificate
        : Username is not null ? ProviderCredentials.Password
        : null;

    /// <summary>Nothing of it belongs into a log.</summary>
    public override string ToString() => Name;
}

[JsonSerializable(typeof(KeptProvider))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class KeptProviderJson : JsonSerializerContext;
