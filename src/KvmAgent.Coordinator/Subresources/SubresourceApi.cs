using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Hosting;
using KvmAgent.Coordinator.Machines;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>One thing that can be asked of a machine or an instance.</summary>
/// <param name="Resource"><c>virtualmachines</c> or <c>virtualmachineinstances</c>.</param>
/// <param name="Name">As in the path.</param>
/// <param name="Path">What else the path has behind the name.</param>
internal sealed record Subresource(string Method, string Resource, string Name, Func<SubresourceRequest, Task> Run, string Path = "")
{
    /// <summary>The verb that RBAC knows it by.</summary>
    public string Verb => Method == HttpMethods.Get ? "get" : "update";
}

/// <summary>Who asks, once it is sure that they may; it fails with <see cref="CoordinatorException"/> where they may not.</summary>
internal delegate Task<RequestUser> AdmitRequest(HttpContext context, Subresource subresource, string version, string ns, string name);

/// <summary>A request that is allowed.</summary>
internal sealed record SubresourceRequest(HttpContext Http, RequestUser User, string Namespace, string Name)
{
    public const int LongestBody = 64 << 10;

    public CancellationToken Cancel => Http.RequestAborted;

    /// <summary>The body's JSON object; an empty one where there is none.</summary>
    public async Task<JsonObject> BodyAsync()
    {
        using var text = await RequestBody.ReadAsync(Http.Request, LongestBody, Cancel).ConfigureAwait(false)
            ?? throw new CoordinatorException(FailureReason.BadRequest, $"the request's body is longer than {LongestBody} bytes");
        if (text.Length == 0)
        {
            return [];
        }

        try
        {
            return JsonNode.Parse(text) as JsonObject
                ?? throw new CoordinatorException(FailureReason.BadRequest, "the request's body is no JSON object; send {} or nothing");
        }
        catch (JsonException e)
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"the request's body is not JSON: {e.Message}");
        }
    }

    public Task AnswerAsync(JsonNode body)
    {
        Http.Response.ContentType = "application/json";
        return Http.Response.WriteAsync(body.ToJsonString(), Cancel);
    }

    /// <summary>It is under way.</summary>
    public void Accept() => Http.Response.StatusCode = StatusCodes.Status202Accepted;
}

/// <summary>
/// The aggregated API <c>subresources.kubevirt.io</c>, which the API server hands through: its paths and answers are those that an
/// unmodified <c>virtctl</c> hard-codes.
/// </summary>
internal sealed partial class SubresourceApi(IReadOnlyList<Subresource> subresources, AdmitRequest admit, Peers? peers, ILogger<SubresourceApi> log)
{
    public const string Group = "subresources.kubevirt.io";

    public static readonly IReadOnlyList<string> Versions = ["v1", "v1alpha3"];

    /// <summary>Where a cluster has one, below its root.</summary>
    /// <param name="resource">As <see cref="Subresource.Resource"/>.</param>
    public static string PathOf(string resource, MachineKey key, string verb) =>
        $"apis/{Group}/{Versions[0]}/namespaces/{Uri.EscapeDataString(key.Namespace)}/{resource}/{Uri.EscapeDataString(key.Name)}/{verb}";

    /// <summary>Groups that are served beside it.</summary>
    public IReadOnlyList<ApiGroup> Others { get; init; } = [];

    public void Map(IEndpointRouteBuilder routes)
    {
        Discovery.Map(routes, [new ApiGroup(Group, Versions, _ => Discovery.Resources(subresources)), .. Others]);
        foreach (var version in Versions)
        {
            foreach (var subresource in subresources)
            {
                var pattern = $"/apis/{Group}/{version}/namespaces/{{ns}}/{subresource.Resource}/{{name}}/{subresource.Name}{subresource.Path}";
                routes.MapMethods(pattern, [subresource.Method], context => RunAsync(context, version, subresource));
            }
        }

        routes.MapFallback(static context => ApiStatus.WriteAsync(context, 404, "NotFound", $"the server could not find the requested resource {context.Request.Path}"));
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever fails is one request's affair, and is logged and answered.")]
    private async Task RunAsync(HttpContext context, string version, Subresource subresource)
    {
        var ns = (string)context.GetRouteValue("ns")!;
        var name = (string)context.GetRouteValue("name")!;
        try
        {
            var user = await admit(context, subresource, version, ns, name).ConfigureAwait(false);
            if (subresource.Verb != "get")
            {
                LogChange(user.Name, subresource.Name, subresource.Resource, ns, name);
            }

            await RunAsync(new SubresourceRequest(context, user, ns, name), subresource).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody waits for an answer.
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            if (ApiStatus.Of(e) is var (code, reason, message))
            {
                await ApiStatus.WriteAsync(context, code, reason, message).ConfigureAwait(false);
            }
            else
            {
                LogBug(e, subresource.Name, subresource.Resource, ns, name);
                await ApiStatus.WriteAsync(context, 500, "InternalError", "an error of the coordinator's; its log has it").ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            LogBroken(subresource.Name, subresource.Resource, ns, name, e.Message);
        }
    }

    /// <summary>Here, or where the agent's link is.</summary>
    private async Task RunAsync(SubresourceRequest request, Subresource subresource)
    {
        // What is read of the body here may have to be read there.
        request.Http.Request.EnableBuffering(SubresourceRequest.LongestBody);
        try
        {
            await subresource.Run(request).ConfigureAwait(false);
        }
        catch (LinkElsewhereException e)
        {
            LogHandedOn(subresource.Name, subresource.Resource, request.Namespace, request.Name, e.Peer);
            request.Http.Request.Body.Position = 0;
            await peers!.HandOnAsync(request.Http, e.Peer).ConfigureAwait(false);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Subresource} of {Resource} {Namespace}/{Name} is handed on to {Peer}, which has the agent's link")]
    private partial void LogHandedOn(string subresource, string resource, string @namespace, string name, Uri peer);

    [LoggerMessage(Level = LogLevel.Information, Message = "{User} asks to {Subresource} {Resource} {Namespace}/{Name}")]
    private partial void LogChange(string user, string subresource, string resource, string @namespace, string name);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Subresource} of {Resource} {Namespace}/{Name} failed")]
    private partial void LogBug(Exception e, string subresource, string resource, string @namespace, string name);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Subresource} of {Resource} {Namespace}/{Name} broke: {Error}")]
    private partial void LogBroken(string subresource, string resource, string @namespace, string name, string error);
}
