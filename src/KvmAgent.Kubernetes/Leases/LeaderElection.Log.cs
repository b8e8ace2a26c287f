using Microsoft.Extensions.Logging;

namespace KvmAgent.Kubernetes;

public sealed partial class LeaderElection
{
    [LoggerMessage(1, LogLevel.Information, "{Lease}: {Identity} leads")]
    private static partial void LogLeading(ILogger logger, string lease, string identity);

    [LoggerMessage(2, LogLevel.Information, "{Lease}: {Holder} leads")]
    private static partial void LogOther(ILogger logger, string lease, string holder);

    [LoggerMessage(3, LogLevel.Warning, "{Lease}: not renewed for {Seconds} s; {Identity} stops leading")]
    private static partial void LogLost(ILogger logger, string lease, double seconds, string identity);

    [LoggerMessage(4, LogLevel.Warning, "{Lease}: no answer to acquiring or renewing it: {Reason}; trying again")]
    private static partial void LogFailed(ILogger logger, string lease, string reason);

    [LoggerMessage(5, LogLevel.Information, "{Lease}: {Identity} lets go")]
    private static partial void LogReleased(ILogger logger, string lease, string identity);
}
