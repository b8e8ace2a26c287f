using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Subresources;
using KvmAgent.Kubernetes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace KvmAgent.Coordinator.Imports.Uploads;

/// <summary>
/// The aggregated API <c>upload.cdi.kubevirt.io</c>: who may create an UploadTokenRequest in a namespace gets a token to send the image of a
/// claim there that asks for it.
/// </summary>
internal sealed class UploadTokenApi(ImportCache cache, UploadTokens tokens, SubresourceAccess access)
{
    public const string GroupName = "upload.cdi.kubevirt.io", Version = "v1beta1";

    public const string Resource = "uploadtokenrequests";

    private const string Kind = "UploadTokenRequest";

    public ApiGroup Group { get; } = new(GroupName, [Version], static _ => new JsonArray(new JsonObject
    {
        ["name"] = Resource,
        ["singularName"] = "uploadtokenrequest",
        ["namespaced"] = true,
        ["kind"] = Kind,
        ["verbs"] = new JsonArray("create"),
    }));

    public void Map(IEndpointRouteBuilder routes) => routes.MapPost($"/apis/{GroupName}/{Version}/namespaces/{{ns}}/{Resource}", (RequestDelegate)CreateAsync);

    private async Task CreateAsync(HttpContext context)
    {
        var ns = (string)context.GetRouteValue("ns")!;
        try
        {
            var user = RequestUser.From(context.Request.Headers)
                ?? throw new CoordinatorException(FailureReason.Forbidden, "the request names no user; it must come through the API server");
            await access.DemandAsync(
                user, new ResourceAttributes { Verb = "create", Group = GroupName, Version = Version, Namespace = ns, Resource = Resource }, context.RequestAborted).ConfigureAwait(false);
            var request = new SubresourceRequest(context, user, ns, "");
            var body = await request.BodyAsync().ConfigureAwait(false);
            body["status"] = new JsonObject { ["token"] = Issue(ns, (string?)body["spec"]?["pvcName"]) };
            context.Response.StatusCode = StatusCodes.Status201Created;
            await request.AnswerAsync(body).ConfigureAwait(false);
        }
        catch (Exception e) when (!context.Response.HasStarted && ApiStatus.Of(e) is var (code, reason, message))
        {
            await ApiStatus.WriteAsync(context, code, reason, message).ConfigureAwait(false);
        }
    }

    private string Issue(string ns, string? name)
    {
        if (name is not { Length: > 0 })
        {
            throw new CoordinatorException(FailureReason.Invalid, "spec.pvcName is not given; name the claim that the image is for");
        }

        var claim = cache.Claims.Get(ns, name) ?? throw new CoordinatorException(FailureReason.NotFound, $"persistentvolumeclaims \"{name}\" not found");
        return ImportRequest.Of(claim)?.Request is { IsUpload: true }
            ? tokens.Issue(ClaimKey.Of(claim), claim.Metadata.Uid!)
            : throw new CoordinatorException(FailureReason.Invalid, $"persistentvolumeclaim \"{name}\" asks for no upload; give it the annotation {ImportAnnotations.UploadTarget}");
    }
}
