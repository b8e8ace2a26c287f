namespace KvmAgent.Cli.Output;

/// <summary>How wide a table's columns are so far, for a line that comes later to stand below them.</summary>
internal sealed class TableWidths
{
    private int[]? _widths;

    /// <summary>Whether its titles are written.</summary>
    public bool IsBegun => _widths is not null;

    /// <returns>In characters, of each column; never less than before.</returns>
    public IReadOnlyList<int> Include(IReadOnlyList<IReadOnlyList<string>> rows)
    {
        _widths ??= new int[rows[0].Count];
        foreach (var row in rows)
        {
            for (var i = 0; i < _widths.Length; i++)
            {
                _widths[i] = Math.Max(_widths[i], row[i].Length);
            }
        }

        return _widths;
    }
}
