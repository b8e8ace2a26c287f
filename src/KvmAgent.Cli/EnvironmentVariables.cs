using System.Collections;

namespace KvmAgent.Cli;

internal static class EnvironmentVariables
{
    public static Dictionary<string, string> All() =>
        Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(static e => (string)e.Key, static e => (string?)e.Value ?? "");
}
