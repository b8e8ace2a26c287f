namespace KvmAgent.Cli;

internal static class Files
{
    /// <param name="option">Which names the file, for errors.</param>
    /// <param name="file">Or - for the standard input.</param>
    /// <exception cref="CliException">It cannot be read.</exception>
    public static async Task<string> ReadAsync(string option, string file, CancellationToken cancel)
    {
        try
        {
            return file == "-" ? await Console.In.ReadToEndAsync(cancel).ConfigureAwait(false) : await File.ReadAllTextAsync(file, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCodes.Usage, $"{option} {file} cannot be read: {e.Message}; name a file that is there", e);
        }
    }
}
