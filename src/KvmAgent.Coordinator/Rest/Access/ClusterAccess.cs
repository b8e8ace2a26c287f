using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using KvmAgent.Coordinator.Subresources;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Rest.Access;

/// <summary>
/// The API server knows whose a token is (TokenReview) and what they may (SubjectAccessReview, each time anew). What is done in the cluster is
/// asked of it with the caller's own token besides, so a caller can do nothing through us that it cannot do itself.
/// </summary>
internal sealed class ClusterAccess(KubernetesClient client, TimeProvider time) : IAccess
{
    /// <summary>How long a token is believed; the API server itself keeps a webhook's answer as long.</summary>
    private static readonly TimeSpan Believed = TimeSpan.FromSeconds(10);

    private const int MostKept = 1000;

    private readonly SubresourceAccess _reviews = new(client);
    private readonly ConcurrentDictionary<string, (RequestUser User, DateTimeOffset Until)> _known = [];

    public async Task<Caller?> AuthenticateAsync(string token, CancellationToken cancel)
    {
        var hash = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
        if (_known.TryGetValue(hash, out var known) && time.GetUtcNow() < known.Until)
        {
            return new Caller(known.User, token);
        }

        var review = await client.ReviewTokenAsync(token, [], cancel).ConfigureAwait(false);
        if (!review.Authenticated || review.User is not { Username: { Length: > 0 } name } user)
        {
            _known.TryRemove(hash, out _);
            return null;
        }

        if (_known.Count >= MostKept)
        {
            _known.Clear();
        }

        var caller = new RequestUser(name, user.Uid, user.Groups ?? [], user.Extra ?? new Dictionary<string, IReadOnlyList<string>>());
        _known[hash] = (caller, time.GetUtcNow() + Believed);
        return new Caller(caller, token);
    }

    public Task DemandAsync(Caller caller, ResourceAttributes what, CancellationToken cancel) => _reviews.DemandAsync(caller.User, what, cancel);
}
