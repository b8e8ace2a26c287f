using System.Collections;
using KvmAgent.Settings;
using KvmAgent.Status;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Commands;

/// <summary>What all commands share: the environment, and how an error reaches a person.</summary>
internal static class CommandLine
{
    public static Dictionary<string, string> Environment() => System.Environment.GetEnvironmentVariables()
        .Cast<DictionaryEntry>()
        .ToDictionary(e => (string)e.Key, e => (string?)e.Value ?? "");

    /// <summary>The log of a short command, which is for people.</summary>
    public static ILoggerFactory Logs() =>
        LoggerFactory.Create(logging => AgentLog.Configure(logging, new LogSettings(LogFormat.Text, LogLevelSetting.Info)));

    /// <summary>Runs a command; an <see cref="AgentException"/> becomes its text on stderr and its exit code.</summary>
    public static async Task<int> GuardAsync(Func<Task<int>> command)
    {
        try
        {
            return await command().ConfigureAwait(false);
        }
        catch (AgentException e)
        {
            foreach (var line in e.Message.Split('\n'))
            {
                await Console.Error.WriteLineAsync($"kvm-agent: {line}").ConfigureAwait(false);
            }

            return e.ExitCode;
        }
    }
}
