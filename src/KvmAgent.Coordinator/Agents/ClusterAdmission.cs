using System.Buffers.Text;
using System.Text.Json;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Agents;

/// <summary>
/// Which pod an agent's token was given to, by a TokenReview with our own audience. The pod's UID, which the API server vouches for, must
/// be one that an instance's status records as its own; names and labels prove nothing.
/// </summary>
internal sealed class ClusterAdmission(KubernetesClient client, MachineCache cache, string audience) : IDisposable
{
    private const string PodName = "authentication.kubernetes.io/pod-name", PodUid = "authentication.kubernetes.io/pod-uid", AccountPrefix = "system:serviceaccount:";

    /// <summary>All agents dial at once when a coordinator is back; the API server has other things to do as well.</summary>
    private readonly SemaphoreSlim _reviews = new(32);

    public async Task<AgentAdmission> AdmitAsync(string token, CancellationToken cancel)
    {
        var review = await ReviewAsync(token, cancel).ConfigureAwait(false);
        if (!review.Authenticated || review.Audiences?.Contains(audience) != true)
        {
            return AgentAdmission.Refuse(review.Error is { Length: > 0 } why ? $"the token is refused: {why}" : $"the token is none for {audience}");
        }

        var user = review.User;
        if (user?.Username is not { } name || !name.StartsWith(AccountPrefix, StringComparison.Ordinal)
            || Extra(user, PodUid) is not { } uid || Extra(user, PodName) is not { } pod)
        {
            return AgentAdmission.Refuse("the token is no pod's; agents have theirs from a projected volume", known: true);
        }

        var ns = name[AccountPrefix.Length..].Split(':')[0];
        return cache.IsRecorded(uid)
            ? AgentAdmission.Admit(new AgentIdentity(ns, pod, uid), Expiry(token))
            : AgentAdmission.Refuse($"pod {ns}/{pod} ({uid}) is no pod of a VirtualMachineInstance", known: true);
    }

    public void Dispose() => _reviews.Dispose();

    private async Task<TokenReviewStatus> ReviewAsync(string token, CancellationToken cancel)
    {
        await _reviews.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            return await client.ReviewTokenAsync(token, [audience], cancel).ConfigureAwait(false);
        }
        finally
        {
            _reviews.Release();
        }
    }

    private static string? Extra(ReviewedUser user, string key) => user.Extra?.GetValueOrDefault(key) is [{ Length: > 0 } only] ? only : null;

    /// <summary>The reviewed token's <c>exp</c>; one that has none is looked at again soon.</summary>
    private static DateTimeOffset Expiry(string token)
    {
        if (token.Split('.') is [_, var payload, _])
        {
            try
            {
                using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(payload));
                if (claims.RootElement.TryGetProperty("exp", out var end) && end.TryGetInt64(out var seconds))
                {
                    return DateTimeOffset.FromUnixTimeSeconds(seconds);
                }
            }
            catch (Exception e) when (e is JsonException or FormatException or ArgumentOutOfRangeException or InvalidOperationException)
            {
                // The server knows tokens of another form, too.
            }
        }

        return DateTimeOffset.MaxValue;
    }
}
