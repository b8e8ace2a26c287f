using KvmAgent.Kubernetes;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Machines;

/// <summary>How looks that failed are told: what was only out of date is looked at again without a word.</summary>
internal sealed partial class LookLog(ILogger log)
{
    private readonly ILogger _log = log;

    /// <param name="key">What was looked at.</param>
    public void Failed(object key, Exception e)
    {
        if (e is KubernetesException { IsConflict: true } or MachineChangedException)
        {
            LogStale(key);
        }
        else
        {
            LogFailed(e is KubernetesException or HttpRequestException ? null : e, key, e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Key} was changed meanwhile; it is looked at again")]
    private partial void LogStale(object key);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Key} could not be looked after, it is tried again: {Error}")]
    private partial void LogFailed(Exception? e, object key, string error);
}
