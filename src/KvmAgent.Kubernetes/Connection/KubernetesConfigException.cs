namespace KvmAgent.Kubernetes;

/// <summary>The way to the server is described wrongly, or what it names cannot be had. The text names file, field, value and remedy.</summary>
public sealed class KubernetesConfigException(string message, Exception? inner = null) : Exception(message, inner);
