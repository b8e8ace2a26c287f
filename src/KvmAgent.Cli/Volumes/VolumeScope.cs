using System.CommandLine;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Vms;

namespace KvmAgent.Cli.Volumes;

/// <summary>Of one namespace or of all, as a query says it.</summary>
internal static class VolumeScope
{
    /// <exception cref="CliException">Both are asked for.</exception>
    public static string Of(ParseResult result)
    {
        var asked = VmTable.Request(result);
        return QueryText.Of(("provider", asked.Provider), ("namespace", asked.Namespace), ("all_namespaces", asked.AllNamespaces ? "true" : null));
    }
}
