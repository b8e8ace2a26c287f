using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Subresources;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Certificates;

/// <summary>Keeps the APIServices' caBundle as our authority is. They are the chart's: where one is missing, that is said and nothing else.</summary>
internal sealed partial class ApiRegistration(KubernetesClient client, ServingCertificate certificate, TimeProvider time, ILogger<ApiRegistration> log)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMinutes(1), LookAgain = TimeSpan.FromSeconds(5);

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var pause = LookEvery;
            foreach (var version in SubresourceApi.Versions)
            {
                try
                {
                    await LookAsync($"{version}.{SubresourceApi.Group}", stop).ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (stop.IsCancellationRequested)
                {
                    return;
                }
                catch (Exception e) when (e is KubernetesException or HttpRequestException)
                {
                    LogFailed(version, e.Message);
                    pause = LookAgain;
                }
            }

            await Task.Delay(pause, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LookAsync(string name, CancellationToken cancel)
    {
        var service = await client.GetAsync(CoreKinds.ApiServices, null, name, cancel).ConfigureAwait(false);
        var bundle = Encoding.ASCII.GetBytes(certificate.AuthorityPem);
        if (!bundle.AsSpan().SequenceEqual(service.Spec?.CaBundle))
        {
            var patch = new JsonObject { ["spec"] = new JsonObject { ["caBundle"] = Convert.ToBase64String(bundle) } };
            await client.MergePatchAsync(CoreKinds.ApiServices, null, name, patch, null, cancel).ConfigureAwait(false);
            LogSet(name);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "APIService {Name} has the coordinator's authority now")]
    private partial void LogSet(string name);

    [LoggerMessage(Level = LogLevel.Warning, Message = "APIService {Version} could not be kept: {Error}")]
    private partial void LogFailed(string version, string error);
}
