using System.Globalization;
using KvmAgent.Settings;
using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Events;
using Serilog.Formatting.Json;

namespace KvmAgent.Status;

/// <summary>The log on standard output: text for people, JSON for programs.</summary>
internal static class AgentLog
{
    private const string Template = "{Timestamp:HH:mm:ss.fff} {Level:u3} {Message:l}{NewLine}{Exception}";

    public static void Configure(ILoggingBuilder logging, LogSettings settings)
    {
        var level = settings.Level switch
        {
            LogLevelSetting.Debug => LogEventLevel.Debug,
            LogLevelSetting.Warning => LogEventLevel.Warning,
            LogLevelSetting.Error => LogEventLevel.Error,
            _ => LogEventLevel.Information,
        };
        var configuration = new LoggerConfiguration()
            .MinimumLevel.Is(level)
            // The host's own "Application started": ours say more.
            .MinimumLevel.Override("Microsoft", LogEventLevel.Warning);
        configuration = settings.Format == LogFormat.Json
            ? configuration.WriteTo.Console(new JsonFormatter(renderMessage: true, formatProvider: CultureInfo.InvariantCulture))
            : configuration.WriteTo.Console(outputTemplate: Template, formatProvider: CultureInfo.InvariantCulture);
        logging.AddSerilog(configuration.CreateLogger(), dispose: true);
    }
}
