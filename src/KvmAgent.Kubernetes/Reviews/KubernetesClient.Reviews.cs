using System.Net.Mime;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace KvmAgent.Kubernetes;

public sealed partial class KubernetesClient
{
    /// <summary>Asks whose token this is. It is authenticated only if the server says so, and (where audiences are asked for) for one of them.</summary>
    public async Task<TokenReviewStatus> ReviewTokenAsync(string token, IReadOnlyList<string> audiences, CancellationToken ct)
    {
        var review = new TokenReview { Spec = new TokenReviewSpec { Token = token, Audiences = audiences.Count > 0 ? audiences : null } };
        var answer = await ReviewAsync("apis/authentication.k8s.io/v1/tokenreviews", review, KubernetesJson.Default.TokenReview, ct).ConfigureAwait(false);
        var status = answer.Status ?? new TokenReviewStatus();
        // An authenticator that knows nothing of audiences leaves them out: that is no answer to the question.
        return status.Authenticated && audiences.Count > 0 && !audiences.Intersect(status.Audiences ?? []).Any()
            ? status with { Authenticated = false, Error = $"the token is not for {string.Join(" or ", audiences)}, says the server" }
            : status;
    }

    /// <summary>Asks whether someone may do something.</summary>
    public async Task<SubjectAccessReviewStatus> ReviewAccessAsync(SubjectAccessReviewSpec spec, CancellationToken ct)
    {
        var review = new SubjectAccessReview { Spec = spec };
        var answer = await ReviewAsync(
            "apis/authorization.k8s.io/v1/subjectaccessreviews", review, KubernetesJson.Default.SubjectAccessReview, ct).ConfigureAwait(false);
        return answer.Status ?? new SubjectAccessReviewStatus();
    }

    private Task<T> ReviewAsync<T>(string path, T review, JsonTypeInfo<T> type, CancellationToken ct) =>
        AskAsync(
            HttpMethod.Post,
            path,
            JsonSerializer.SerializeToUtf8Bytes(review, type),
            MediaTypeNames.Application.Json,
            MostObjectBytes,
            json => JsonSerializer.Deserialize(json, type) ?? throw new JsonException("null instead of a review"),
            ct);
}
