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
        await DemandAsync(user, subresource.Verb, SubresourceApi.Group, version, ns, subresource.Resource, name, subresource.Name, context.RequestAborted).ConfigureAwait(false);
        return user;
    }

    /// <exception cref="CoordinatorException">It is forbidden.</exception>
    public async Task DemandAsync(RequestUser user, string verb, string group, string version, string ns, string resource, string name, string subresource, CancellationToken cancel)
    {
        var answer = await client.ReviewAccessAsync(
            new SubjectAccessReviewSpec
            {
                User = user.Name,
                Uid = user.Uid,
                Groups = user.Groups,
                Extra = user.Extra,
                ResourceAttributes = new ResourceAttributes
                {
                    Verb = verb,
                    Group = group,
                    Version = version,
                    Namespace = ns,
                    Resource = resource,
                    Name = name.Length == 0 ? null : name,
                    Subresource = subresource.Length == 0 ? null : subresource,
                },
            },
            cancel).ConfigureAwait(false);
        if (!answer.Allowed)
        {
            throw new CoordinatorException(
                FailureReason.Forbidden,
                $"{resource}.{group}{(name.Length == 0 ? "" : $" \"{name}\"")} is forbidden: User \"{user.Name}\" cannot {verb} resource \"{resource}{(subresource.Length == 0 ? "" : $"/{subresource}")}\" "
                + $"in API group \"{group}\" in the namespace \"{ns}\"{(answer.Reason is { Length: > 0 } why ? ": " + why : "")}");
        }
    }
}
