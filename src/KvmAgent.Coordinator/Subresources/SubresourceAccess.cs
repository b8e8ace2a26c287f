using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>Whether somebody may do something: the API server decides, by a SubjectAccessReview, each time anew.</summary>
internal sealed class SubresourceAccess(KubernetesClient client)
{
    /// <exception cref="CoordinatorException">It is forbidden.</exception>
    public async Task DemandAsync(RequestUser user, string verb, string version, string ns, string resource, string name, string subresource, CancellationToken cancel)
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
                    Group = SubresourceApi.Group,
                    Version = version,
                    Namespace = ns,
                    Resource = resource,
                    Name = name,
                    Subresource = subresource,
                },
            },
            cancel).ConfigureAwait(false);
        if (!answer.Allowed)
        {
            throw new CoordinatorException(
                FailureReason.Forbidden,
                $"{resource}.{SubresourceApi.Group} \"{name}\" is forbidden: User \"{user.Name}\" cannot {verb} resource \"{resource}/{subresource}\" "
                + $"in API group \"{SubresourceApi.Group}\" in the namespace \"{ns}\"{(answer.Reason is { Length: > 0 } why ? ": " + why : "")}");
        }
    }
}
