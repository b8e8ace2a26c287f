using KvmAgent.Contracts.Link;

namespace KvmAgent.Link;

/// <summary>
/// Who has the streams that only one client may have, the console and the screen. The agent decides, for each replica of the coordinator may
/// ask for one. A new client takes over as soon as it has its own stream, unless it asked not to.
/// </summary>
internal sealed class StreamOwners
{
    private readonly Lock _gate = new();

    /// <summary>By kind, in the order in which they asked. The last has it, or will once it has been dialled.</summary>
    private readonly Dictionary<string, List<Owner>> _owners = new() { [StreamKinds.Console] = [], [StreamKinds.Vnc] = [] };

    /// <exception cref="JsonRpcException">Somebody has it, and keeps it.</exception>
    public void Demand(OpenStreamRequest request)
    {
        lock (_gate)
        {
            if (request.Preserve && _owners.GetValueOrDefault(request.Kind) is [_, ..])
            {
                throw new JsonRpcException(LinkErrors.Busy, $"the {request.Kind} is in use; leave out preserveSession to take it over");
            }
        }
    }

    /// <returns>Null where somebody was quicker, and keeps it.</returns>
    public Owner? Reserve(OpenStreamRequest request)
    {
        lock (_gate)
        {
            // Any number may have a stream of the other kinds.
            var all = _owners.GetValueOrDefault(request.Kind) ?? [];
            if (request.Preserve && all.Count > 0)
            {
                return null;
            }

            var owner = new Owner(_gate, all);
            all.Add(owner);
            return owner;
        }
    }

    internal sealed class Owner(Lock gate, List<Owner> all) : IDisposable
    {
        private readonly CancellationTokenSource _lost = new();

        /// <summary>Another has taken it over.</summary>
        public CancellationToken Lost => _lost.Token;

        /// <summary>This one has its stream: those of all who asked before end.</summary>
        public void TakeOver()
        {
            List<Owner> former;
            lock (gate)
            {
                former = all[..all.IndexOf(this)];
            }

            former.ForEach(static o => o._lost.Cancel());
        }

        public void Dispose()
        {
            lock (gate)
            {
                all.Remove(this);
            }
        }
    }
}
