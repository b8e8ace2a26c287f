using System.Diagnostics;
using System.Reflection;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace KvmAgent.Coordinator.Hosting;

/// <summary>
/// Traces, by OTLP over HTTP where an endpoint is set: a span for each look at a machine and each request to the coordinator, and within
/// them the requests to the API server. Sampler, headers and further attributes are the library's own variables (<c>OTEL_*</c>).
/// </summary>
internal static class Tracing
{
    private const string Name = "KvmAgent.Coordinator";

    /// <summary>The runtime's own: what is asked of others, and of us.</summary>
    private static readonly string[] Runtime = ["System.Net.Http", "Microsoft.AspNetCore"];

    public static ActivitySource Source { get; } = new(Name);

    /// <param name="endpoint">The collector's; null: nothing is traced.</param>
    /// <param name="instance">This replica's name.</param>
    /// <returns>Sends what is left, for some seconds, when it is disposed of.</returns>
    public static IDisposable? Start(Uri? endpoint, string instance) => endpoint is null ? null : Sdk.CreateTracerProviderBuilder()
        .SetResourceBuilder(ResourceBuilder.CreateDefault().AddService(
            "kvm-coordinator", serviceVersion: Assembly.GetExecutingAssembly().GetName().Version!.ToString(3), serviceInstanceId: instance))
        .AddSource([Name, .. Runtime])
        .AddOtlpExporter(options =>
        {
            options.Protocol = OtlpExportProtocol.HttpProtobuf;
            options.Endpoint = new Uri(endpoint.AbsoluteUri.TrimEnd('/') + "/v1/traces");
        })
        .Build();
}
