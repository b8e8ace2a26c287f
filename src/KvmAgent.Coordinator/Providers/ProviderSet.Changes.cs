using KvmAgent.Contracts.Rest;

namespace KvmAgent.Coordinator.Providers;

/// <summary>Which there are, and how one comes, changes and goes.</summary>
internal sealed partial class ProviderSet
{
    /// <summary>One that says nothing does not keep the others from being listed.</summary>
    private static readonly TimeSpan ListPatience = TimeSpan.FromSeconds(2);

    /// <summary>How all of them are, looked at side by side.</summary>
    public async Task<IReadOnlyList<ProviderSummary>> ListAsync(CancellationToken cancel)
    {
        DemandSynced();
        List<RunningProvider> running;
        lock (_gate)
        {
            running = [.. _running.Values.OrderBy(static p => p.Stored.Name, StringComparer.Ordinal)];
        }

        return [OwnSummary(), .. await Task.WhenAll(running.Select(p => p.SummaryAsync(ListPatience, cancel))).ConfigureAwait(false)];
    }

    /// <summary>Of all, the own one among them, by their code points.</summary>
    public IReadOnlyList<string> Names()
    {
        DemandSynced();
        lock (_gate)
        {
            return [.. _running.Keys.Append(Provider.Own).Order(StringComparer.Ordinal)];
        }
    }

    public async Task<ProviderSummary> GetAsync(string? name, CancellationToken cancel) =>
        name == Provider.Own ? OwnSummary() : await Find(name).SummaryAsync(ProviderLook.Deadline, cancel).ConfigureAwait(false);

    /// <exception cref="CoordinatorException">It cannot be used as it is, or there is one of the name.</exception>
    public async Task AddAsync(KeptProvider kept, CancellationToken cancel)
    {
        DemandSynced();
        if (_store.List().Any(p => p.Name == kept.Name))
        {
            throw ProviderFailures.IsThere(kept.Name);
        }

        await _store.AddAsync(await VerifyAsync(kept, "added", cancel).ConfigureAwait(false), cancel).ConfigureAwait(false);
        Apply();
    }

    /// <param name="change">Of what is kept; null where that cannot be read.</param>
    /// <exception cref="CoordinatorException">There is none, what it would become cannot be used, or somebody else has changed it meanwhile.</exception>
    public async Task EditAsync(string name, Func<KeptProvider?, KeptProvider> change, CancellationToken cancel)
    {
        var stored = Find(name).Stored;
        var next = await VerifyAsync(change(stored.Kept), "changed", cancel).ConfigureAwait(false);
        await _store.ReplaceAsync(next, stored.Version, cancel).ConfigureAwait(false);
        Apply();
    }

    public async Task RemoveAsync(string name, CancellationToken cancel)
    {
        Find(name);
        await _store.RemoveAsync(name, cancel).ConfigureAwait(false);
        Apply();
    }

    /// <returns>With what its rights have been found to reach.</returns>
    private async Task<KeptProvider> VerifyAsync(KeptProvider kept, string verb, CancellationToken cancel)
    {
        using var client = _dialer.Dial(kept);
        var look = await ProviderLook.AtAsync(client, kept.Namespace ?? client.Connection.Namespace ?? Provider.UsualNamespace, _time, cancel).ConfigureAwait(false);
        return look.State == ProviderStates.Connected ? kept with { AllNamespaces = look.AllNamespaces }
            : throw new CoordinatorException(FailureReason.Invalid, $"provider \"{kept.Name}\" is not {verb}: {look.Message}");
    }

    private ProviderSummary OwnSummary() => new()
    {
        Name = _own.Name,
        Credential = ProviderCredentials.Caller,
        Namespace = _own.Namespace,
        AllNamespaces = _own.AllNamespaces,
        State = ProviderStates.Connected,
    };
}
