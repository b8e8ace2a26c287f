namespace KvmAgent.Settings;

/// <summary>All that is wrong with the settings, told at once.</summary>
internal sealed class SettingErrors
{
    private readonly List<string> _errors = [];

    /// <param name="origin">Where the value stands: <c>VM_MEMORY</c>, or <c>memory.size in /spec.yaml, line 3</c>.</param>
    /// <param name="value">As given.</param>
    /// <param name="problem">What is wrong with it.</param>
    /// <param name="remedy">What to write instead.</param>
    public void Add(string origin, string value, string problem, string remedy) =>
        _errors.Add($"{origin}=\"{Shorten(value)}\": {problem}; {remedy}");

    /// <summary>For what concerns more than one value, or a missing one.</summary>
    public void Add(string message) => _errors.Add(message);

    /// <exception cref="AgentException">There are errors.</exception>
    public void ThrowIfAny()
    {
        if (_errors.Count > 0)
        {
            throw new AgentException(FailureReason.Settings, string.Join('\n', _errors));
        }
    }

    private static string Shorten(string value) => value.Length <= 200 ? value : value[..200] + "…";
}
