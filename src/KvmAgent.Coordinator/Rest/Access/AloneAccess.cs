using KvmAgent.Coordinator.Alone;
using KvmAgent.Coordinator.Alone.Api;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Rest.Access;

/// <summary>Without a cluster people have one token, and whoever has it may do everything.</summary>
internal sealed class AloneAccess(byte[] tokenHash) : IAccess
{
    public Task<Caller?> AuthenticateAsync(string token, CancellationToken cancel) =>
        Task.FromResult(Token.AreSame(Token.Hash(token), tokenHash) ? new Caller(AloneUser.Admin, token) : null);

    public Task DemandAsync(Caller caller, ResourceAttributes what, CancellationToken cancel) => Task.CompletedTask;
}
