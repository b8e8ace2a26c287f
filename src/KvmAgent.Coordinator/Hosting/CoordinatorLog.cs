using System.Globalization;
using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Events;
using Serilog.Formatting.Json;

namespace KvmAgent.Coordinator.Hosting;

/// <summary>The log on standard output: text for people, JSON for programs.</summary>
internal static class CoordinatorLog
{
    private const string Template = "{Timestamp:HH:mm:ss.fff} {Level:u3} {Message:l}{NewLine}{Exception}";

    public static ILoggerFactory Create(LogLevel level, bool json)
    {
        var configuration = new LoggerConfiguration()
            .MinimumLevel.Is(level switch
            {
                LogLevel.Debug => LogEventLevel.Debug,
                LogLevel.Warning => LogEventLevel.Warning,
                LogLevel.Error => LogEventLevel.Error,
                _ => LogEventLevel.Information,
            })
            .MinimumLevel.Override("Microsoft", LogEventLevel.Warning);
        configuration = json
            ? configuration.WriteTo.Console(new JsonFormatter(renderMessage: true, formatProvider: CultureInfo.InvariantCulture))
            : configuration.WriteTo.Console(outputTemplate: Template, formatProvider: CultureInfo.InvariantCulture);
        return LoggerFactory.Create(logging => logging.AddSerilog(configuration.CreateLogger(), dispose: true));
    }
}
