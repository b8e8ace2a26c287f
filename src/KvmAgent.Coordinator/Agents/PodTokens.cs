using System.Buffers.Text;
using System.Text.Json;
using KvmAgent.Coordinator.Hosting;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Agents;

/// <summary>Which pod a token was given to, by a TokenReview with our own audience: the API server vouches for the pod's UID.</summary>
internal sealed class PodTokens(KubernetesClient client, string audience) : IDisposable
{
    private const string PodName = "authentication.kubernetes.io/pod-name", PodUid = "authentication.kubernetes.io/pod-uid", AccountPrefix = "system:serviceaccount:";

    /// <summary>All agents dial at once when a coordinator is back; the API server has other things to do as well.</summary>
    private readonly SemaphoreSlim _reviews = new(32);

    /// <returns>Admitted whatever the pod is: that is for the caller to see.</returns>
    public async Task<AgentAdmission> ReviewAsync(string token, CancellationToken cancel)
    {
        var review = await AskAsync(token, cancel).ConfigureAwait(false);
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

        return AgentAdmission.Admit(new AgentIdentity(RepeatedTexts.Of(name[AccountPrefix.Length..].Split(':')[0]), pod, uid), Expiry(token));
    }

    public void Dispose() => _reviews.Dispose();

    private async Task<TokenReviewStatus> AskAsync(string token, CancellationToken cancel)
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
