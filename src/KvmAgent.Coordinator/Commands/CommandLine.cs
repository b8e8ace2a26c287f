using System.Collections;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Commands;

/// <summary>How an error reaches a person.</summary>
internal static class CommandLine
{
    public const int WrongArguments = 64;

    private const int Unavailable = 69;

    public static Dictionary<string, string> Environment() =>
        System.Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(static e => (string)e.Key, static e => (string?)e.Value ?? "");

    public static async Task<int> GuardAsync(Func<Task<int>> command)
    {
        try
        {
            return await command().ConfigureAwait(false);
        }
        catch (CoordinatorException e)
        {
            return await TellAsync(e, e.ExitCode).ConfigureAwait(false);
        }
        catch (KubernetesConfigException e)
        {
            return await TellAsync(e, WrongArguments).ConfigureAwait(false);
        }
        catch (Exception e) when (e is KubernetesException or HttpRequestException)
        {
            return await TellAsync(e, Unavailable).ConfigureAwait(false);
        }
    }

    private static async Task<int> TellAsync(Exception e, int code)
    {
        foreach (var line in e.Message.Split('\n'))
        {
            await Console.Error.WriteLineAsync($"kvm-coordinator: {line}").ConfigureAwait(false);
        }

        return code;
    }
}
