using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Contracts.Rest;
using KvmAgent.Kubernetes;

namespace KvmAgent.Cli.Providers;

/// <summary>HyperSDK's configuration of a provider: <c>provider: {type: kubevirt, metadata: {namespace, kubeconfig, storageClass}}</c>, where the kubeconfig is a path.</summary>
internal static class HyperSdkFile
{
    private const string Home = "~/";

    /// <param name="option">Which names the file, for errors.</param>
    /// <returns>With the kubeconfig's text instead of its path.</returns>
    /// <exception cref="CliException">It makes no sense, or the kubeconfig cannot be read.</exception>
    public static async Task<HyperSdkProvider> ReadAsync(string option, string file, string text, CancellationToken cancel)
    {
        var provider = Parse(option, file, text);
        return provider is { Metadata: { Kubeconfig: { Length: > 0 } path } metadata }
            ? provider with { Metadata = metadata with { Kubeconfig = await Files.ReadAsync("provider.metadata.kubeconfig", Resolve(file, path), cancel).ConfigureAwait(false) } }
            : provider;
    }

    private static HyperSdkProvider Parse(string option, string file, string text)
    {
        try
        {
            using var reader = new StringReader(text);
            return YamlDocuments.Read(reader) is [JsonObject all] && all["provider"] is JsonObject provider && provider.Deserialize(RestJson.Strict.HyperSdkProvider) is { } read ? read
                : throw new CliException(ExitCodes.Data, $"{option} {file} has no provider; give one such as {{provider: {{type: kubevirt, metadata: {{kubeconfig: ~/.kube/config}}}}}}");
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            throw new CliException(ExitCodes.Data, $"{option} {file} is not understood: {e.Message}", e);
        }
    }

    /// <summary>From where the file is, or of the home.</summary>
    private static string Resolve(string file, string path) =>
        path.StartsWith(Home, StringComparison.Ordinal) ? Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/", path[Home.Length..])
        : Path.GetFullPath(path, file == "-" ? Environment.CurrentDirectory : Path.GetDirectoryName(Path.GetFullPath(file))!);
}
