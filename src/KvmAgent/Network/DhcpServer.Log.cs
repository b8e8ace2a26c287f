using KvmAgent.Processes;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Network;

internal sealed partial class DhcpServer
{
    /// <summary>Passes a line of dnsmasq on: what it complains about is for people, the rest for those who look closely.</summary>
    private void Forward(string line)
    {
        // "dnsmasq-dhcp[123]: text"
        var text = line.IndexOf("]: ", StringComparison.Ordinal) is var end and > 0 ? line[(end + 3)..] : line;
        if (text.Contains("warning", StringComparison.OrdinalIgnoreCase)
            || text.Contains("failed", StringComparison.Ordinal)
            || text.Contains("cannot", StringComparison.Ordinal)
            || text.Contains("no address", StringComparison.Ordinal))
        {
            LogWarning(text);
        }
        else
        {
            LogLine(text);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "dnsmasq: {Line}")]
    private partial void LogLine(string line);

    [LoggerMessage(Level = LogLevel.Warning, Message = "dnsmasq: {Line}")]
    private partial void LogWarning(string line);

    [LoggerMessage(Level = LogLevel.Warning, Message = "dnsmasq ended ({Exit}); starting it again in {Pause}")]
    private partial void LogDied(ChildExit exit, TimeSpan pause);

    [LoggerMessage(
        Level = LogLevel.Information, Message = "the guest asks for its IPv6 address under a new identity; starting dnsmasq without the old lease in {Pause}")]
    private partial void LogForgetting(TimeSpan pause);

    [LoggerMessage(Level = LogLevel.Information, Message = "dnsmasq runs again, pid {Pid}")]
    private partial void LogRepaired(int pid);

    [LoggerMessage(Level = LogLevel.Warning, Message = "dnsmasq could not be started again: {Message}; next try in {Pause}")]
    private partial void LogNotRepaired(string message, TimeSpan pause);
}
