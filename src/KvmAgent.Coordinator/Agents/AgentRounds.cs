using System.Collections.Concurrent;

namespace KvmAgent.Coordinator.Agents;

/// <summary>
/// Looks after all sessions by one timer, which runs while there are any: ten thousand of them, each with a timer of its own, would be a
/// seventh of what an idle coordinator does.
/// </summary>
internal sealed class AgentRounds
{
    private readonly ConcurrentDictionary<AgentSession, AgentSession> _sessions = [];
    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly TimeSpan _every;
    private readonly ITimer _timer;
    private bool _isRunning;

    public AgentRounds(AgentLinkOptions options, TimeProvider time)
    {
        (_time, _every) = (time, (options.Heartbeat < options.ReviewEvery ? options.Heartbeat : options.ReviewEvery) / 10);
        _timer = time.CreateTimer(static rounds => ((AgentRounds)rounds!).Go(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public void Add(AgentSession session)
    {
        _sessions[session] = session;
        Run();
    }

    public void Remove(AgentSession session) => _sessions.TryRemove(session, out _);

    private void Go()
    {
        var now = _time.GetUtcNow();
        foreach (var (session, _) in _sessions)
        {
            session.Look(now);
        }

        lock (_gate)
        {
            _isRunning = false;
        }

        Run();
    }

    private void Run()
    {
        lock (_gate)
        {
            if (!_isRunning && !_sessions.IsEmpty)
            {
                _isRunning = true;
                _timer.Change(_every, Timeout.InfiniteTimeSpan);
            }
        }
    }
}
