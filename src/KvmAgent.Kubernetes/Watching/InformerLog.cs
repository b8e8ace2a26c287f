using Microsoft.Extensions.Logging;

namespace KvmAgent.Kubernetes;

internal static partial class InformerLog
{
    [LoggerMessage(1, LogLevel.Debug, "{Kind}: {Count} listed at {Version}")]
    public static partial void Listed(ILogger logger, string kind, int count, string? version);

    [LoggerMessage(2, LogLevel.Warning, "{Kind}: not listed or watched: {Reason}; again in {Seconds:0.0} s")]
    public static partial void Failed(ILogger logger, string kind, string reason, double seconds);

    [LoggerMessage(3, LogLevel.Warning, "{Kind}: this client may not list and watch them: {Reason}; see its role (verbs list and watch); again in {Seconds:0.0} s")]
    public static partial void NotAllowed(ILogger logger, string kind, string reason, double seconds);

    [LoggerMessage(4, LogLevel.Debug, "{Kind}: the server has forgotten {Version}; listing anew")]
    public static partial void Gone(ILogger logger, string kind, string? version);

    [LoggerMessage(5, LogLevel.Debug, "{Kind}: the server ended the watch at once; again in {Seconds:0.0} s")]
    public static partial void Closed(ILogger logger, string kind, double seconds);

    [LoggerMessage(6, LogLevel.Error, "{Kind}: a handler of changes failed")]
    public static partial void HandlerFailed(ILogger logger, string kind, Exception e);
}
