using KvmAgent.Images;
using KvmAgent.Settings;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Status;

/// <summary>Tells how far a disk or an image is: a log line at most every 2 s, or a line that is drawn over on a terminal.</summary>
internal sealed partial class ProgressLog(TimeProvider time, ILogger<ProgressLog> log)
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);
    private const int BarWidth = 30;

    public IProgress<FetchProgress> For(string name) => new Reporter(this, name);

    private void Report(string name, FetchProgress progress, int percent)
    {
        var done = $"{Quantity.Human(progress.Bytes)}{(progress.Total is { } total ? $" of {Quantity.Human(total)}" : "")}";
        var shown = progress.Total is null ? "" : $"{percent} % ";
        if (Console.IsOutputRedirected)
        {
            LogProgress(name, progress.Phase, shown, done, Quantity.Human((long)progress.BytesPerSecond), progress.Detail is null ? "" : $", {progress.Detail}");
        }
        else
        {
            var filled = BarWidth * percent / 100;
            Console.Write($"\r{name} [{new string('#', filled)}{new string('.', BarWidth - filled)}] {shown}{done} {Quantity.Human((long)progress.BytesPerSecond)}/s\u001b[K");
            if (progress.Bytes == progress.Total)
            {
                Console.WriteLine();
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Name}: {Phase} {Percent}({Done}, {Rate}/s{Detail})")]
    private partial void LogProgress(string name, FetchPhase phase, string percent, string done, string rate, string detail);

    private sealed class Reporter(ProgressLog log, string name) : IProgress<FetchProgress>
    {
        private readonly Lock _gate = new();
        private readonly OverallPercent _percent = new();
        private long? _last;
        private FetchPhase? _phase;

        public void Report(FetchProgress value)
        {
            lock (_gate)
            {
                var percent = _percent.At(value);
                var pause = Console.IsOutputRedirected ? Every : Every / 8;
                if (_last is { } last && value.Phase == _phase && value.Bytes != value.Total && log.Time.GetElapsedTime(last) < pause)
                {
                    return;
                }

                (_last, _phase) = (log.Time.GetTimestamp(), value.Phase);
                log.Report(name, value, percent);
            }
        }
    }

    private TimeProvider Time => time;
}
