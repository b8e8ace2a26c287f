namespace KvmAgent.Kubernetes.Resources;

/// <summary>What every object of the API has.</summary>
public interface IKubernetesObject
{
    /// <summary><c>v1</c>, or <c>group/version</c>. The items of a list come without it.</summary>
    string? ApiVersion { get; }

    string? Kind { get; }

    ObjectMeta Metadata { get; }
}
