using System.Text.Json.Serialization.Metadata;

namespace KvmAgent.Kubernetes.Resources;

/// <summary>A kind of object, where the API has it, and how it is read.</summary>
/// <typeparam name="T">Its shape here.</typeparam>
/// <param name="Group">Empty for the core.</param>
/// <param name="Plural">As in paths: <c>pods</c>.</param>
/// <param name="Kind">As in manifests: <c>Pod</c>.</param>
public sealed record ResourceKind<T>(string Group, string Version, string Plural, string Kind, bool Namespaced, JsonTypeInfo<T> Json)
    where T : class, IKubernetesObject
{
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <param name="ns">Null: of all namespaces.</param>
    /// <param name="name">Null: the collection.</param>
    /// <param name="subresource"><c>status</c> and the like.</param>
    /// <returns>The path below the server's address, without a leading slash.</returns>
    public string Path(string? ns, string? name = null, string? subresource = null) =>
        (Group.Length == 0 ? "api/" : "apis/") + ApiVersion
        + (Namespaced && ns is not null ? $"/namespaces/{Uri.EscapeDataString(ns)}" : "")
        + $"/{Plural}"
        + (name is null ? "" : $"/{Uri.EscapeDataString(name)}")
        + (subresource is null ? "" : $"/{subresource}");

    /// <summary>Makes an object this one's: reconciled for it, gone with it, and in its way until then where it is deleted in the foreground.</summary>
    /// <param name="owner">As the server has it, with its UID.</param>
    public OwnerReference OwnerOf(T owner) => new()
    {
        ApiVersion = ApiVersion,
        Kind = Kind,
        Name = owner.Metadata.Name!,
        Uid = owner.Metadata.Uid!,
        Controller = true,
        BlockOwnerDeletion = true,
    };
}
