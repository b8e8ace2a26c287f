using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Certificates;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Resources;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Imports.Uploads;

/// <summary>
/// Tells clients where images are sent, by CDIConfig <c>config</c>, as CDI does: what people write into its spec goes before the setting. It is
/// made here and not by the chart, for Helm installs no object together with its kind.
/// </summary>
/// <param name="url">Null: what is in the spec, or nothing.</param>
internal sealed partial class UploadAddress(KubernetesClient client, string? url, TimeProvider time, ILogger<UploadAddress> log)
{
    public const string Name = "config";

    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(5);

    public Task RunAsync(CancellationToken stop) => Regularly.LookAsync(LookAsync, LogFailed, TimeSpan.Zero, LookAgain, time, stop);

    private async Task LookAsync(CancellationToken cancel)
    {
        var config = await client.FindAsync(Kinds.CdiConfigs, null, Name, cancel).ConfigureAwait(false)
            ?? await client.CreateAsync(Kinds.CdiConfigs, New(), cancel).ConfigureAwait(false);
        var address = config.Spec?.UploadUrl ?? url;
        if (address != config.Status?.UploadUrl)
        {
            var patch = new JsonObject { ["status"] = new JsonObject { ["uploadProxyURL"] = address } };
            await client.MergePatchAsync(Kinds.CdiConfigs, null, Name, patch, "status", cancel).ConfigureAwait(false);
            LogTold(address ?? "nowhere");
        }
    }

    private static CdiConfig New() => new()
    {
        ApiVersion = Kinds.CdiConfigs.ApiVersion,
        Kind = Kinds.CdiConfigs.Kind,
        Metadata = new ObjectMeta { Name = Name },
        Spec = new CdiConfigSpec(),
    };

    [LoggerMessage(Level = LogLevel.Information, Message = "CDIConfig config says that images are sent to {Address} now")]
    private partial void LogTold(string address);

    [LoggerMessage(Level = LogLevel.Warning, Message = "CDIConfig config could not be kept: {Error}")]
    private partial void LogFailed(string error);
}
