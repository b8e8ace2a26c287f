using KvmAgent.Contracts.Link;

namespace KvmAgent.Link;

/// <summary>
/// Who has the streams that only one client may have, the console and the screens. The agent decides, for each replica of the coordinator may
/// ask for one. A new client takes over as soon as it has its own stream, unless it asked not to. Streams of one session are one client's.
/// </summary>
internal sealed class StreamOwners
{
    private readonly Lock _gate = new();

    /// <summary>By kind, in the order in which they asked. The last has it, or will once it has been dialled.</summary>
    private readonly Dictionary<string, List<Owner>> _owners = new() { [StreamKinds.Console] = [], [StreamKinds.Vnc] = [], [StreamKinds.Spice] = [] };

    /// <exception cref="JsonRpcException">Somebody has it, and keeps it.</exception>
    public void Demand(OpenStreamRequest request)
    {
        lock (_gate)
        {
            if (request.Preserve && _owners.GetValueOrDefault(request.Kind) is { } all && AreOthers(all, request.Session))
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
            if (request.Preserve && AreOthers(all, request.Session))
            {
                return null;
            }

            var owner = new Owner(_gate, all, request.Session);
            all.Add(owner);
            return owner;
        }
    }

    private static bool AreOthers(List<Owner> all, string? session) => all.Exists(o => !o.IsOf(session));

    internal sealed class Owner(Lock gate, List<Owner> all, string? session) : IDisposable
    {
        private readonly CancellationTokenSource _lost = new();

        /// <summary>Another has taken it over.</summary>
        public CancellationToken Lost => _lost.Token;

        public bool IsOf(string? other) => session is not null && session == other;

        /// <summary>This one has its stream: those of all others who asked before end.</summary>
        public void TakeOver()
        {
            List<Owner> former;
            lock (gate)
            {
                former = all[..all.IndexOf(this)].FindAll(o => !o.IsOf(session));
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
