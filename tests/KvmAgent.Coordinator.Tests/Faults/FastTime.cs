namespace KvmAgent.Coordinator.Tests.Faults;

/// <summary>The machine's clock, faster: minutes of patience pass in seconds.</summary>
internal sealed class FastTime(int speed) : TimeProvider
{
    private readonly DateTimeOffset _began = System.GetUtcNow();
    private readonly long _start = System.GetTimestamp();

    public override long GetTimestamp() => _start + ((System.GetTimestamp() - _start) * speed);

    public override DateTimeOffset GetUtcNow() => _began + GetElapsedTime(_start);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => new Timer(callback, state, dueTime, period, speed);

    private static TimeSpan Real(TimeSpan span, int speed) => span == Timeout.InfiniteTimeSpan ? span : span / speed;

    private sealed class Timer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period, int speed) : ITimer
    {
        private readonly ITimer _timer = System.CreateTimer(callback, state, Real(dueTime, speed), Real(period, speed));

        public bool Change(TimeSpan dueTime, TimeSpan period) => _timer.Change(Real(dueTime, speed), Real(period, speed));

        public void Dispose() => _timer.Dispose();

        public ValueTask DisposeAsync() => _timer.DisposeAsync();
    }
}
