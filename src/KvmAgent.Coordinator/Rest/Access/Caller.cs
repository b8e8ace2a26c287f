using KvmAgent.Coordinator.Subresources;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Rest.Access;

/// <summary>Somebody who has shown a token.</summary>
internal sealed record Caller(RequestUser User, string Token);

/// <summary>Who is known, and what they may.</summary>
internal interface IAccess
{
    /// <returns>Null where the token is nobody's.</returns>
    Task<Caller?> AuthenticateAsync(string token, CancellationToken cancel);

    /// <exception cref="CoordinatorException">It is forbidden.</exception>
    Task DemandAsync(Caller caller, ResourceAttributes what, CancellationToken cancel);
}
