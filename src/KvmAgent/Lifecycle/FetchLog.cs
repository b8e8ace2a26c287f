using KvmAgent.Images;
using KvmAgent.Settings;
using KvmAgent.Status;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Lifecycle;

/// <summary>Tells of disks and images as they come: a log line at most every 2 s, or a line that is drawn over on a terminal.</summary>
internal sealed partial class FetchLog(StatusBoard board, TimeProvider time, ILogger<FetchLog> log)
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);
    private const int BarWidth = 30;

    public IProgress<FetchProgress> For(string name) => new Reporter(this, name);

    public void Warn(IEnumerable<string> warnings)
    {
        foreach (var warning in warnings)
        {
            LogWarning(warning);
            board.Warn(warning);
        }
    }

    public void Stored(string path, string digest) => LogStored(path, digest);

    public void DiskMade(string path, string below) => LogDiskMade(path, below);

    private void Report(string name, FetchProgress progress)
    {
        var done = $"{Quantity.Human(progress.Bytes)}{(progress.Total is { } total ? $" of {Quantity.Human(total)}" : "")}";
        var percent = progress.Total is > 0 and var all ? $"{100.0 * progress.Bytes / all:0} % " : "";
        if (Console.IsOutputRedirected)
        {
            LogProgress(name, progress.Phase, percent, done, Quantity.Human((long)progress.BytesPerSecond), progress.Detail is null ? "" : $", {progress.Detail}");
        }
        else
        {
            var filled = progress.Total is > 0 and var whole ? (int)(BarWidth * progress.Bytes / whole) : 0;
            Console.Write($"\r{name} [{new string('#', filled)}{new string('.', BarWidth - filled)}] {percent}{done} {Quantity.Human((long)progress.BytesPerSecond)}/s\u001b[K");
            if (progress.Bytes == progress.Total)
            {
                Console.WriteLine();
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Name}: {Phase} {Percent}({Done}, {Rate}/s{Detail})")]
    private partial void LogProgress(string name, FetchPhase phase, string percent, string done, string rate, string detail);

    [LoggerMessage(Level = LogLevel.Information, Message = "base image {Path} is there, {Digest}")]
    private partial void LogStored(string path, string digest);

    [LoggerMessage(Level = LogLevel.Information, Message = "made the VM's disk {Path} on {Below}")]
    private partial void LogDiskMade(string path, string below);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Warning}")]
    private partial void LogWarning(string warning);

    private sealed class Reporter(FetchLog log, string name) : IProgress<FetchProgress>
    {
        private readonly Lock _gate = new();
        private long? _last;
        private FetchPhase? _phase;

        public void Report(FetchProgress value)
        {
            lock (_gate)
            {
                var pause = Console.IsOutputRedirected ? Every : Every / 8;
                if (_last is { } last && value.Phase == _phase && value.Bytes != value.Total && log.Time.GetElapsedTime(last) < pause)
                {
                    return;
                }

                (_last, _phase) = (log.Time.GetTimestamp(), value.Phase);
                log.Report(name, value);
            }
        }
    }

    private TimeProvider Time => time;
}
