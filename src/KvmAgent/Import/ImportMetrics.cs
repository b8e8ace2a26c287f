using System.Globalization;
using KvmAgent.Images;
using KvmAgent.Status;

namespace KvmAgent.Import;

/// <summary>
/// CDI's progress of an import in a file, as OpenMetrics text, and on to the log. The file is always whole: a new one takes its place.
/// Nothing of an import depends on it.
/// </summary>
internal sealed class ImportMetrics(string path, string ownerUid, IProgress<FetchProgress> log) : IProgress<FetchProgress>
{
    private readonly Lock _gate = new();
    private readonly OverallPercent _percent = new();
    private int _written = -1;

    /// <summary>Begins the file at 0.</summary>
    /// <param name="path">Where; null for nowhere.</param>
    /// <param name="demand">Whether it must be possible.</param>
    /// <param name="ownerUid">The label.</param>
    /// <param name="log">Told too.</param>
    /// <exception cref="AgentException">It must be, and is not.</exception>
    public static ImportMetrics? Begin(string? path, bool demand, string ownerUid, IProgress<FetchProgress> log)
    {
        if (path is null)
        {
            return null;
        }

        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            var metrics = new ImportMetrics(path, ownerUid, log);
            metrics.Write(0);
            return metrics;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return demand ? throw new AgentException(FailureReason.Unwritable, $"--metrics=\"{path}\": cannot be written: {e.Message}; give another path", e) : null;
        }
    }

    public void Report(FetchProgress value)
    {
        log.Report(value);
        lock (_gate)
        {
            WriteIfPossible(_percent.At(value));
        }
    }

    public void Complete()
    {
        lock (_gate)
        {
            WriteIfPossible(100);
        }
    }

    private void WriteIfPossible(int percent)
    {
        try
        {
            Write(percent);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next percent is another chance.
        }
    }

    private void Write(int percent)
    {
        if (percent == _written)
        {
            return;
        }

        var temporary = $"{path}.tmp";
        File.WriteAllText(temporary, string.Create(CultureInfo.InvariantCulture, $"""
            # TYPE kubevirt_cdi_import_progress counter
            # HELP kubevirt_cdi_import_progress The import progress in percentage
            kubevirt_cdi_import_progress_total{"{"}ownerUID="{OpenMetrics.Escape(ownerUid)}"{"}"} {percent}.0
            # EOF

            """));
        File.Move(temporary, path, overwrite: true);
        _written = percent;
    }
}
