namespace KvmAgent.Kubernetes;

public sealed record KubeconfigOptions
{
    /// <summary>Files to merge, all of which must be there. Null: those of KUBECONFIG that are there, or <c>~/.kube/config</c>.</summary>
    public IReadOnlyList<string>? Paths { get; init; }

    /// <summary>Instead of the files' current-context.</summary>
    public string? Context { get; init; }
}
