using System.CommandLine;
using KvmAgent.Cli.Management;

namespace KvmAgent.Cli.Vms;

/// <summary>Which machine is meant: <c>NAME</c> with <c>-n</c>, or <c>NAMESPACE/NAME</c>.</summary>
/// <param name="Provider">Null: the coordinator's own cluster.</param>
internal sealed record VmTarget(string Namespace, string Name, string? Provider)
{
    private const string UsualNamespace = "default";

    public static Argument<string> Argument { get; } = new("vm") { Description = "NAME, or NAMESPACE/NAME." };

    public string Path => $"/kubevirt/vms/{Uri.EscapeDataString(Namespace)}/{Uri.EscapeDataString(Name)}";

    /// <summary>For requests that have no body to say it in.</summary>
    public string ProviderQuery => QueryText.Of(("provider", Provider));

    public override string ToString() => $"{Namespace}/{Name}";

    /// <exception cref="CliException">It names none, or two namespaces.</exception>
    public static VmTarget Of(ParseResult result) => Of(result.GetValue(Argument)!, result.GetValue(VmTargetOptions.Namespace), result.GetValue(VmTargetOptions.Provider));

    /// <param name="ns">As --namespace says.</param>
    /// <exception cref="CliException">Likewise.</exception>
    public static VmTarget Of(string text, string? ns, string? provider) => text.Split('/') switch
    {
        [{ Length: > 0 } name] => new VmTarget(ns ?? UsualNamespace, name, provider),
        [{ Length: > 0 } own, { Length: > 0 } name] when ns is null || ns == own => new VmTarget(own, name, provider),
        [{ Length: > 0 } own, _] => throw new CliException(ExitCodes.Usage, $"\"{text}\" is in namespace {own}, and --namespace says {ns}; give one of them"),
        _ => throw new CliException(ExitCodes.Usage, $"\"{text}\" names no machine; write NAME or NAMESPACE/NAME"),
    };
}
