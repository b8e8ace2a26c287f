using System.Globalization;

namespace KvmAgent.Cli.Output;

/// <summary>How far something is, in one line of a terminal that is written over; nothing of it where that is none.</summary>
internal sealed class ProgressBar(TextWriter words)
{
    private const int Width = 30;

    private readonly bool _isShown = ReferenceEquals(words, Console.Error) && !Console.IsErrorRedirected;
    private int _written;

    /// <param name="percent">Null: it is not known.</param>
    public void Show(string what, double? percent)
    {
        if (!_isShown)
        {
            return;
        }

        var filled = (int)(Math.Clamp(percent ?? 0, 0, 100) / 100 * Width);
        var line = percent is null ? Shown.Clean(what) : string.Create(CultureInfo.InvariantCulture, $"[{new string('#', filled)}{new string('-', Width - filled)}] {percent,5:0.0}% {Shown.Clean(what)}");
        var room = Math.Max(1, Console.WindowWidth - 1);
        Write(line.Length <= room ? line : line[..room]);
    }

    /// <summary>Takes it away.</summary>
    public void Clear()
    {
        if (_written > 0)
        {
            Write("");
        }
    }

    private void Write(string line)
    {
        words.Write($"\r{line}{new string(' ', Math.Max(0, _written - line.Length))}{(line.Length == 0 ? "\r" : "")}");
        words.Flush();
        _written = line.Length;
    }
}
