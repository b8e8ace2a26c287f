using System.CommandLine;

namespace KvmAgent.Cli.Vms;

/// <summary>Where machines are looked for.</summary>
internal static class VmTargetOptions
{
    public static Option<string?> Namespace { get; } = new("--namespace", "-n") { Description = "Of the machines; without it \"default\".", Recursive = true };

    /// <summary>For verbs that are of several machines.</summary>
    public static Option<bool> AllNamespaces { get; } = new("--all-namespaces", "-A") { Description = "Of all namespaces." };

    /// <summary>For what one client has at a time.</summary>
    public static Option<bool> TakeOver { get; } = new("--take-over") { Description = "From whoever has it now; without it that is refused." };

    public static Option<string?> Provider { get; } = new("--provider") { Description = "The provider's name; without it the coordinator's own cluster.", Recursive = true };
}
