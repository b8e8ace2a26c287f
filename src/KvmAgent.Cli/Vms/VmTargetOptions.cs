using System.CommandLine;

namespace KvmAgent.Cli.Vms;

/// <summary>Where machines are looked for.</summary>
internal static class VmTargetOptions
{
    public static Option<string?> Namespace { get; } = new("--namespace", "-n") { Description = "Of the machines; without it \"default\".", Recursive = true };

    /// <summary>For verbs that are of several machines.</summary>
    public static Option<bool> AllNamespaces { get; } = new("--all-namespaces", "-A") { Description = "Of all namespaces." };

    public static Option<string?> Provider { get; } = new("--provider") { Description = "The provider's name; without it the coordinator's own cluster.", Recursive = true };
}
