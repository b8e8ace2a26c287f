using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest.Access;

namespace KvmAgent.Coordinator.Rest;

/// <summary>Which jobs a caller sees, during one request: its own, and those of where it may list machines; of another provider, those of one that it may use.</summary>
internal sealed class JobEyes(ProviderSet providers, IAccess access, RestRequest request)
{
    private readonly Dictionary<(string Provider, string Namespace), bool> _known = [];

    public async Task<bool> MaySeeAsync(string provider, string ns, string owner)
    {
        if (owner == request.Caller.User.Name)
        {
            return true;
        }

        // Who may use another cluster has all that is kept for it.
        var key = (provider, provider == Provider.Own ? ns : "");
        if (!_known.TryGetValue(key, out var may))
        {
            _known[key] = may = await IsAllowedAsync(provider, ns).ConfigureAwait(false);
        }

        return may;
    }

    private async Task<bool> IsAllowedAsync(string provider, string ns)
    {
        try
        {
            await (provider == Provider.Own
                ? VmRoutes.DemandOwnListAsync(access, request, ns)
                : providers.DemandAsync(request.Caller, "use", provider, request.Cancel)).ConfigureAwait(false);
            return true;
        }
        catch (CoordinatorException e) when (e.Reason == FailureReason.Forbidden)
        {
            return false;
        }
    }
}
