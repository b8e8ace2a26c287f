using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Certificates;

/// <summary>Keeps the APIServices' caBundle as our authority is. They are the chart's: where one is missing, that is said and nothing else.</summary>
/// <param name="names">Of the APIServices.</param>
internal sealed partial class ApiRegistration(KubernetesClient client, ServingCertificate certificate, IReadOnlyList<string> names, TimeProvider time, ILogger<ApiRegistration> log)
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(5);

    public Task RunAsync(CancellationToken stop) => Task.WhenAll(names.Select(name => Regularly.LookAsync(
        cancel => LookAsync(name, cancel), why => LogFailed(name, why), TimeSpan.Zero, LookAgain, time, stop)));

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

    [LoggerMessage(Level = LogLevel.Warning, Message = "APIService {Name} could not be kept: {Error}")]
    private partial void LogFailed(string name, string error);
}
