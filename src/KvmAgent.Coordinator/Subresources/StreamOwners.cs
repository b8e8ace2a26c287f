namespace KvmAgent.Coordinator.Subresources;

/// <summary>Who has a stream that only one may have.</summary>
internal sealed class StreamOwners
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Owner> _owners = [];

    /// <param name="preserve">Whether whoever has it keeps it.</param>
    /// <exception cref="CoordinatorException">Somebody has it, and keeps it.</exception>
    public Owner Take(string key, bool preserve)
    {
        Owner? former;
        var owner = new Owner(this, key);
        lock (_gate)
        {
            if (_owners.TryGetValue(key, out former) && preserve)
            {
                throw new CoordinatorException(FailureReason.Conflict, $"{key} is in use; leave out preserveSession to take it over");
            }

            _owners[key] = owner;
        }

        former?.Lose();
        return owner;
    }

    internal sealed class Owner(StreamOwners owners, string key) : IDisposable
    {
        private readonly CancellationTokenSource _lost = new();

        /// <summary>Somebody has taken it over.</summary>
        public CancellationToken Lost => _lost.Token;

        public void Lose() => _lost.Cancel();

        public void Dispose()
        {
            lock (owners._gate)
            {
                if (owners._owners.GetValueOrDefault(key) == this)
                {
                    owners._owners.Remove(key);
                }
            }
        }
    }
}
