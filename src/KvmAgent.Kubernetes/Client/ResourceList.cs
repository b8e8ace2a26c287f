using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes;

/// <param name="Metadata">With the resourceVersion to watch from.</param>
public sealed record ResourceList<T>(IReadOnlyList<T> Items, ListMeta Metadata);
