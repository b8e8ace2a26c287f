using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace KvmAgent.Coordinator.Imports;

/// <summary>What importers' pods tell of their work, at any replica: it is written to the claim, where all of them see it.</summary>
internal sealed class ImporterEndpoints(KubernetesClient client, ImportCache cache, AdmitAgent admit, TimeProvider time)
{
    private const int LongestBody = 1024;

    public void Map(IEndpointRouteBuilder routes) => routes.MapPost(ImporterProtocol.ProgressPath, (RequestDelegate)ProgressAsync);

    private async Task ProgressAsync(HttpContext context)
    {
        context.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = LongestBody;
        if (await BearerTokens.AdmitAsync(context, admit, time).ConfigureAwait(false) is not var (_, admission))
        {
            return;
        }

        if (await ReadAsync(context).ConfigureAwait(false) is not { Percent: >= 0 and <= 100 } progress)
        {
            await BearerTokens.RefuseAsync(context, StatusCodes.Status400BadRequest, "the body is not {\"percent\": N}, with N from 0 to 100").ConfigureAwait(false);
            return;
        }

        if (cache.ClaimOf(admission.Identity!) is { } claim && ImportState.PhaseOf(claim) == ImportState.Running)
        {
            await WriteAsync(claim, $"{progress.Percent}.00%", context.RequestAborted).ConfigureAwait(false);
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static async Task<ImportProgress?> ReadAsync(HttpContext context)
    {
        try
        {
            return await JsonSerializer.DeserializeAsync(context.Request.Body, ContractsJson.Default.ImportProgress, context.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception e) when (e is JsonException or BadHttpRequestException)
        {
            return null;
        }
    }

    private async Task WriteAsync(PersistentVolumeClaim claim, string progress, CancellationToken cancel)
    {
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["uid"] = claim.Metadata.Uid,
                ["annotations"] = new JsonObject { [ImportAnnotations.Progress] = progress, [ImportAnnotations.EarlyProgress] = progress },
            },
        };
        try
        {
            await client.MergePatchAsync(CoreKinds.PersistentVolumeClaims, claim.Metadata.Namespace, claim.Metadata.Name!, patch, null, cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsNotFound || e.IsConflict)
        {
            // It is gone, or another.
        }
    }
}
