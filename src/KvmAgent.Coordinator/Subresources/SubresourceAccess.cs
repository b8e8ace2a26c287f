using KvmAgent.Kubernetes;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>Whether somebody may do something: the API server decides, by a SubjectAccessReview, each time anew.</summary>
internal sealed class SubresourceAccess(KubernetesClient client)
{
    /// <summary>As <see cref="AdmitRequest"/>, of a request that the front proxy hands through.</summary>
    public async Task<RequestUser> AdmitAsync(HttpContext context, Subresource subresource, string version, string ns, string name)
    {
        var user = RequestUser.From(context.Request.Headers)
            ?? throw new CoordinatorException(FailureReason.Forbidden, "the request names no user; it must come through the API server");
        await DemandAsync(
            user,
            new ResourceAttributes
            {
                Verb = subresource.Verb,
                Group = SubresourceApi.Group,
                Version = version,
                Namespace = ns,
                Resource = subresource.Resource,
                Name = name,
                Subresource = subresource.Name,
            },
            context.RequestAborted).ConfigureAwait(false);
        return user;
    }

    /// <exception cref="CoordinatorException">It is forbidden.</exception>
    public async Task DemandAsync(RequestUser user, ResourceAttributes what, CancellationToken cancel)
    {
        var answer = await client.ReviewAccessAsync(
            new SubjectAccessReviewSpec { User = user.Name, Uid = user.Uid, Groups = user.Groups, Extra = user.Extra, ResourceAttributes = what }, cancel).ConfigureAwait(false);
        if (!answer.Allowed)
        {
            throw new CoordinatorException(
                FailureReason.Forbidden,
                $"{what.Resource}.{what.Group}{(what.Name is null ? "" : $" \"{what.Name}\"")} is forbidden: User \"{user.Name}\" cannot {what.Verb} resource "
                + $"\"{what.Resource}{(what.Subresource is null ? "" : $"/{what.Subresource}")}\" in API group \"{what.Group}\" "
                + (what.Namespace is null ? "in all namespaces" : $"in the namespace \"{what.Namespace}\"")
                + (answer.Reason is { Length: > 0 } why ? $": {why}" : ""));
        }
    }
}
