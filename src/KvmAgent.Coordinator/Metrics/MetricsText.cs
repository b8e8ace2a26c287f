using System.Globalization;
using System.Text;

namespace KvmAgent.Coordinator.Metrics;

/// <summary>OpenMetrics' text form: families in order, their samples behind them, an end mark.</summary>
internal sealed class MetricsText
{
    private readonly StringBuilder _text = new();

    /// <param name="type"><c>gauge</c> or <c>counter</c>; a counter's samples end in <c>_total</c>.</param>
    public void Family(string name, string type, string help) => _text
        .Append(CultureInfo.InvariantCulture, $"# TYPE {name} {type}\n")
        .Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n");

    public void Sample(string name, double value, params ReadOnlySpan<(string Name, string Value)> labels)
    {
        _text.Append(name).Append('{');
        for (var index = 0; index < labels.Length; index++)
        {
            _text.Append(index == 0 ? "" : ",").Append(labels[index].Name).Append("=\"").Append(Escape(labels[index].Value)).Append('"');
        }

        _text.Append(CultureInfo.InvariantCulture, $"}} {value:R}\n");
    }

    public string End() => _text.Append("# EOF\n").ToString();

    /// <summary>What a guest says of itself is among the labels.</summary>
    private static string Escape(string value) => value
        .Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
