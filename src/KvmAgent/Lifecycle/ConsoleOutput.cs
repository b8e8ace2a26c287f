using KvmAgent.Settings;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Lifecycle;

/// <summary>The guest's serial console as log lines of a category of their own.</summary>
internal static partial class ConsoleOutput
{
    public static Action<string> To(VmSettings settings, ILoggerFactory logs)
    {
        if (!settings.Machine.ConsoleLog)
        {
            return static _ => { };
        }

        var log = logs.CreateLogger("KvmAgent.Console");
        return line => LogLine(log, line);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "console| {Line}")]
    private static partial void LogLine(ILogger log, string line);
}
