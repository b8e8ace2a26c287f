using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Security.Cryptography;
using KvmAgent.Contracts.Link;

namespace KvmAgent.Coordinator.Agents;

/// <summary>The streams that this replica has asked agents to dial, by their ids: good once, for a short time, for the same pod.</summary>
internal sealed class AgentStreams(AgentLinkOptions options, TimeProvider time)
{
    private const int IdBytes = 16;

    private readonly ConcurrentDictionary<string, Expected> _expected = [];
    private readonly ConcurrentDictionary<string, int> _open = [];

    /// <exception cref="JsonRpcException">Too many of that pod are open.</exception>
    public Expected Expect(string podUid)
    {
        if (_open.AddOrUpdate(podUid, 1, (_, count) => count + 1) > options.MostStreams)
        {
            Left(podUid);
            throw new JsonRpcException(LinkErrors.Busy, $"{options.MostStreams} streams of this VM are open already; close one of them");
        }

        var expected = new Expected(this, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes)), podUid);
        _expected[expected.Id] = expected;
        return expected;
    }

    /// <returns>Null where it is not expected, not any more, or of another pod: which of it is nobody's business.</returns>
    public Expected? Claim(string id, string podUid) =>
        _expected.TryGetValue(id, out var expected) && expected.PodUid == podUid && _expected.TryRemove(new KeyValuePair<string, Expected>(id, expected)) ? expected : null;

    /// <summary>How many of that pod are open or waited for.</summary>
    public int OpenOf(string podUid) => _open.GetValueOrDefault(podUid);

    private void Left(string podUid)
    {
        if (_open.AddOrUpdate(podUid, 0, static (_, count) => count - 1) <= 0)
        {
            _open.TryRemove(new KeyValuePair<string, int>(podUid, 0));
        }
    }

    /// <summary>A stream between being asked for and being there.</summary>
    internal sealed class Expected(AgentStreams streams, string id, string podUid) : IDisposable
    {
        private readonly TaskCompletionSource<AgentStream> _dialled = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Id { get; } = id;

        public string PodUid { get; } = podUid;

        /// <exception cref="TimeoutException">The agent did not dial it.</exception>
        /// <exception cref="IOException">It broke at once.</exception>
        public async Task<AgentStream> DialledAsync(CancellationToken cancel)
        {
            try
            {
                return await _dialled.Task.WaitAsync(streams.Limit, streams.Time, cancel).ConfigureAwait(false);
            }
            catch (Exception e) when (e is TimeoutException or OperationCanceledException)
            {
                Dispose();
                if (_dialled.Task.IsCompletedSuccessfully)
                {
                    // It came in the same moment.
                    await (await _dialled.Task.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
                }

                cancel.ThrowIfCancellationRequested();
                throw e is TimeoutException
                    ? new TimeoutException($"the agent did not dial the stream within {streams.Limit.TotalSeconds:0.###} s", e)
                    : new IOException("the stream broke at once", e);
            }
        }

        /// <summary>Gives the stream to who asked for it, and stays until it is done with.</summary>
        public async Task ServeAsync(WebSocket socket, CancellationToken cancel)
        {
            var stream = new AgentStream(socket, streams.Time);
            if (!_dialled.TrySetResult(stream))
            {
                return;
            }

            try
            {
                await stream.Done.WaitAsync(cancel).ConfigureAwait(false);
            }
            finally
            {
                streams.Left(PodUid);
            }
        }

        /// <summary>It is not waited for any more. Where it has come, it counts until it is done with.</summary>
        public void Dispose()
        {
            if (_dialled.TrySetCanceled())
            {
                streams.Left(PodUid);
            }

            streams._expected.TryRemove(new KeyValuePair<string, Expected>(Id, this));
        }
    }

    private TimeSpan Limit => options.StreamLimit;

    private TimeProvider Time => time;
}
