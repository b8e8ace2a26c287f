namespace KvmAgent.Cli.Vms;

/// <summary>A template's parameters as they are written: <c>NAME=VALUE</c>, one by one or in a file's lines.</summary>
internal static class TemplateParameters
{
    /// <param name="file">Of lines; empty ones and those that begin with # say nothing. Null: there is none.</param>
    /// <param name="template">The template's file: the standard input can be only one of them.</param>
    /// <returns>Null where there is nothing of that kind.</returns>
    public static async Task<IReadOnlyDictionary<string, string>?> ReadAsync(IReadOnlyList<string> given, string? file, string? template, CancellationToken cancel)
    {
        if (given.Count == 0 && file is null)
        {
            return null;
        }

        if (file == "-" && template == "-")
        {
            throw new CliException(ExitCodes.Usage, "--filename and --param-file are both the standard input; name a file for one of them");
        }

        var all = new Dictionary<string, string>();
        foreach (var text in given)
        {
            // A value may be a password.
            Add(text, $"--param {text.Split('=')[0]}");
        }

        if (file is not null)
        {
            var number = 0;
            foreach (var line in (await Files.ReadAsync("--param-file", file, cancel).ConfigureAwait(false)).Split('\n'))
            {
                number++;
                if (line.Trim() is { Length: > 0 } text && text[0] != '#')
                {
                    Add(line.TrimStart().TrimEnd('\r'), $"--param-file {file}, line {number},");
                }
            }
        }

        return all;

        void Add(string text, string at)
        {
            if (text.Split('=', 2) is not [{ Length: > 0 } name, var value])
            {
                throw new CliException(ExitCodes.Usage, $"{at} is no parameter; write NAME=VALUE");
            }

            if (!all.TryAdd(name, value))
            {
                throw new CliException(ExitCodes.Usage, $"{at} gives {name} once more; give it once");
            }
        }
    }
}
