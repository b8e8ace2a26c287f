using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Inventory;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Rest;

/// <summary>Where somebody looks for machines, or for what belongs to them: a list's or a stream's own words for it.</summary>
/// <param name="Provider">Null: the own one, unless it is all of them.</param>
/// <param name="Namespace">Null: the provider's, unless it is all of them.</param>
internal sealed record VmPlace(string? Provider, bool AllProviders, string? Namespace, bool AllNamespaces)
{
    /// <summary>Of one provider; null: all.</summary>
    public string? NamespaceOf(Provider provider) => AllNamespaces ? null : Namespace ?? provider.Namespace;

    /// <exception cref="CoordinatorException">Two of them exclude one another.</exception>
    public void Demand()
    {
        if (AllNamespaces && Namespace is not null)
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"namespace=\"{Namespace}\" and all_namespaces exclude one another; give one of them");
        }

        if (AllProviders && Provider is not null)
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"provider=\"{Provider}\" and all_providers exclude one another; give one of them");
        }
    }
}

/// <summary>A part of that which the caller may see.</summary>
/// <param name="Namespace">Null: all.</param>
internal sealed record VmScope(Provider Provider, string? Namespace)
{
    public IEnumerable<VmSummary> Lines => Provider.Vms.Lines.Values.Where(vm => Namespace is null || vm.Namespace == Namespace);

    public VmFeed.Source Source => new(Provider.Vms, Namespace);
}

/// <summary>What a caller may see of a place. Of one provider it is all or a refusal; of all of them what there is, and why there is no more.</summary>
internal sealed class VmScopes(ProviderSet providers, IAccess access)
{
    /// <param name="known">Waits for machines that are not all known yet, and refuses where they stay so.</param>
    /// <exception cref="CoordinatorException">Of one provider: there is none, it is forbidden, or not known.</exception>
    public async Task<(IReadOnlyList<VmScope> Seen, IReadOnlyList<ProviderProblem> Problems)> OfAsync(RestRequest request, VmPlace place, bool known)
    {
        place.Demand();
        if (!place.AllProviders)
        {
            return ([await OneAsync(request, place.Provider, place.NamespaceOf, known).ConfigureAwait(false)], []);
        }

        var all = await Task.WhenAll(providers.Names().Select(name => TryAsync(request, name, place, known))).ConfigureAwait(false);
        return ([.. all.Select(static one => one.Seen).OfType<VmScope>()], [.. all.Select(static one => one.Problem).OfType<ProviderProblem>()]);
    }

    /// <summary>Of a stream: whoever has lost a right, or whose token has expired, is told by its end: when it asks again it hears why. So it is where providers came or went.</summary>
    /// <param name="seen">What <see cref="OfAsync"/> said when it began.</param>
    public async Task<bool> IsStillSoAsync(RestRequest request, VmPlace place, IReadOnlyList<VmScope> seen)
    {
        try
        {
            return await access.AuthenticateAsync(request.Caller.Token, request.Cancel).ConfigureAwait(false) is not null
                && (await OfAsync(request, place, known: false).ConfigureAwait(false)).Seen.Select(static s => s.Source).SequenceEqual(seen.Select(static s => s.Source));
        }
        catch (Exception e) when (e is KubernetesException or HttpRequestException or CoordinatorException)
        {
            return false;
        }
    }

    private async Task<VmScope> OneAsync(RestRequest request, string? name, Func<Provider, string?> space, bool known) =>
        await providers.UseAsync(request.Caller, name, async provider =>
        {
            var ns = space(provider);
            await VmRoutes.DemandListAsync(access, request, provider, ns).ConfigureAwait(false);
            if (known)
            {
                await providers.DemandKnownAsync(provider, request.Cancel).ConfigureAwait(false);
            }

            return new VmScope(provider, ns);
        }, request.Cancel).ConfigureAwait(false);

    /// <summary>As much of it as the caller may see: all namespaces, or the provider's own. One that he may not use is none of his business.</summary>
    private async Task<(VmScope? Seen, ProviderProblem? Problem)> TryAsync(RestRequest request, string name, VmPlace place, bool known)
    {
        if (name != Provider.Own && !await MayUseAsync(request, name).ConfigureAwait(false))
        {
            return default;
        }

        try
        {
            if (place.Namespace is null)
            {
                try
                {
                    return (await OneAsync(request, name, static provider => provider.AllNamespaces ? null : provider.Namespace, known).ConfigureAwait(false), null);
                }
                catch (CoordinatorException e) when (e.Reason == FailureReason.Forbidden)
                {
                    // In one of them, perhaps.
                }
            }

            return (await OneAsync(request, name, provider => place.Namespace ?? provider.Namespace, known).ConfigureAwait(false), null);
        }
        catch (CoordinatorException e) when (e.Reason is FailureReason.Forbidden or FailureReason.Unavailable or FailureReason.NotFound)
        {
            return (null, new ProviderProblem(name, e.Message));
        }
    }

    private async Task<bool> MayUseAsync(RestRequest request, string name)
    {
        try
        {
            await providers.DemandAsync(request.Caller, "use", name, request.Cancel).ConfigureAwait(false);
            return true;
        }
        catch (CoordinatorException e) when (e.Reason == FailureReason.Forbidden)
        {
            return false;
        }
    }
}
