using System.Diagnostics.CodeAnalysis;

namespace KvmAgent.Settings;

/// <summary>A value as given, and where.</summary>
internal readonly record struct GivenValue(string Text, string Origin);

/// <summary>Looks settings up: the environment first, then the spec file. An empty variable counts as not set, as Helm renders many.</summary>
internal sealed class SettingSource(IReadOnlyDictionary<string, string> environment, SpecFile spec)
{
    private static readonly string[] OwnPrefixes = ["VM_", "IMG_"];

    public SpecFile Spec { get; } = spec;

    public bool TryGet(Setting setting, out GivenValue given)
    {
        if (TryGetVariable(setting, out given))
        {
            return true;
        }

        if (setting.Key is { } key && Spec.TryGet(key, out given))
        {
            return true;
        }

        given = default;
        return false;
    }

    public bool TryGetVariable(Setting setting, out GivenValue given)
    {
        given = environment.TryGetValue(setting.Name, out var text) && text.Length > 0 ? new GivenValue(text, setting.Name) : default;
        return given.Text is not null;
    }

    public bool TryGet(Setting setting, [NotNullWhen(true)] out string? text)
    {
        var found = TryGet(setting, out GivenValue given);
        text = given.Text;
        return found;
    }

    /// <summary>A warning for each variable that looks like one of ours and is none.</summary>
    public IEnumerable<string> UnknownVariables()
    {
        foreach (var name in environment.Keys.Order(StringComparer.Ordinal))
        {
            if (OwnPrefixes.Any(p => name.StartsWith(p, StringComparison.Ordinal)) && Setting.All.All(s => s.Name != name))
            {
                var nearest = Setting.All.MinBy(s => Distance(s.Name, name))!;
                yield return Distance(nearest.Name, name) <= 1 + (name.Length / 3)
                    ? $"{name} is not a setting; did you mean {nearest.Name}?"
                    : $"{name} is not a setting";
            }
        }
    }

    /// <summary>Levenshtein's.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(row[j - 1], above) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[b.Length];
    }
}
