using KvmAgent.Contracts.Link;

namespace KvmAgent.Link;

/// <summary>
/// Who has the streams that only one client may have, the console and the screen. The agent decides, for each replica of the coordinator may
/// ask for one. A new client takes over as soon as it has its own stream, unless it asked not to.
/// </summary>
internal sealed class StreamOwners
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Owner> _owners = [];

    /// <exception cref="JsonRpcException">Somebody has it, and keeps it.</exception>
    public void Demand(OpenStreamRequest request)
    {
        lock (_gate)
        {
            if (request.Preserve && _owners.ContainsKey(request.Kind))
            {
                throw new JsonRpcException(LinkErrors.Busy, $"the {request.Kind} is in use; leave out preserveSession to take it over");
            }
        }
    }

    /// <returns>Null where somebody was quicker, and keeps it.</returns>
    public Owner? Reserve(OpenStreamRequest request)
    {
        var owner = new Owner(this, request.Kind);
        if (request.Kind is not (StreamKinds.Console or StreamKinds.Vnc))
        {
            return owner;
        }

        lock (_gate)
        {
            if (_owners.TryGetValue(request.Kind, out var former) && request.Preserve)
            {
                return null;
            }

            owner.Former = former;
            _owners[request.Kind] = owner;
        }

        return owner;
    }

    internal sealed class Owner(StreamOwners owners, string kind) : IDisposable
    {
        private readonly CancellationTokenSource _lost = new();

        /// <summary>Another has taken it over.</summary>
        public CancellationToken Lost => _lost.Token;

        /// <summary>Who had it when this one asked for it.</summary>
        public Owner? Former { get; set; }

        /// <summary>This one has its stream: the former's ends.</summary>
        public void TakeOver() => Former?._lost.Cancel();

        public void Dispose()
        {
            lock (owners._gate)
            {
                if (owners._owners.GetValueOrDefault(kind) == this)
                {
                    owners._owners.Remove(kind);
                }
            }
        }
    }
}
