using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Contracts.Rest;
using KvmAgent.Kubernetes;
using Spectre.Console;

namespace KvmAgent.Cli.Output;

/// <summary>How an answer is written: for people, or for programs.</summary>
internal enum OutputFormat
{
    Table,
    Wide,
    Json,
    Yaml,
    Name,
}

/// <param name="Wide">Whether it is shown only where there is room.</param>
/// <param name="Style">Of a value; null: none.</param>
internal sealed record Column<T>(string Title, Func<T, string> Value, bool Wide = false, Func<T, Color?>? Style = null);

/// <summary>Writes answers to where a command's output goes: in colours only where that is a terminal that has them.</summary>
internal sealed class Printer(TextWriter output, OutputFormat format)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Option<OutputFormat> Option { get; } = new("--output", "-o")
    {
        Description = "How the answer is written.",
        HelpName = "table|wide|json|yaml|name",
        DefaultValueFactory = static _ => OutputFormat.Table,
        Recursive = true,
    };

    public static Printer Of(ParseResult result) => new(result.InvocationConfiguration.Output, result.GetValue(Option));

    /// <summary>A list: in a table for people, else as the coordinator told it.</summary>
    /// <param name="json">All of it.</param>
    /// <param name="name">As <c>-o name</c> has it.</param>
    public async Task ListAsync<T>(IReadOnlyList<T> items, JsonNode json, Func<T, string> name, IReadOnlyList<Column<T>> columns, string nothing)
    {
        switch (format)
        {
            case OutputFormat.Json or OutputFormat.Yaml:
                await DocumentAsync(json).ConfigureAwait(false);
                break;
            case OutputFormat.Name:
                foreach (var item in items)
                {
                    await output.WriteLineAsync(Shown.Clean(name(item))).ConfigureAwait(false);
                }

                break;
            default:
                await TableAsync(items, Shows(columns), nothing, new TableWidths()).ConfigureAwait(false);
                break;
        }
    }

    /// <summary>JSON or YAML; YAML where neither is asked for.</summary>
    private Task DocumentAsync(JsonNode json) => output.WriteLineAsync(format == OutputFormat.Json ? json.ToJsonString(Indented) : YamlText.Of(json).TrimEnd('\n'));

    /// <summary>One thing with everything that is known of it.</summary>
    public Task ObjectAsync(string id, JsonNode json) => format == OutputFormat.Name ? output.WriteLineAsync(Shown.Clean(id)) : DocumentAsync(json);

    /// <summary>What was done.</summary>
    public Task DoneAsync(VmAnswer answer) => DoneAsync(answer.Id, answer.Message, JsonSerializer.SerializeToNode(answer, RestJson.Default.VmAnswer)!);

    /// <param name="id">As <c>-o name</c> has it.</param>
    /// <param name="message">For people; it may have several lines.</param>
    /// <param name="json">All of it.</param>
    public Task DoneAsync(string id, string message, JsonNode json) => format switch
    {
        OutputFormat.Json or OutputFormat.Yaml => DocumentAsync(json),
        OutputFormat.Name => output.WriteLineAsync(Shown.Clean(id)),
        _ => output.WriteLineAsync(string.Join('\n', message.Split('\n').Select(Shown.Clean))),
    };

    /// <summary>One more of a list that goes on: a line below its table, or a document of its own.</summary>
    /// <param name="json">Of it.</param>
    /// <param name="widths">Of the list so far.</param>
    public async Task NextAsync<T>(T item, JsonNode json, Func<T, string> name, IReadOnlyList<Column<T>> columns, TableWidths widths)
    {
        switch (format)
        {
            case OutputFormat.Json:
                await output.WriteLineAsync(json.ToJsonString()).ConfigureAwait(false);
                break;
            case OutputFormat.Yaml:
                await output.WriteLineAsync($"---\n{YamlText.Of(json).TrimEnd('\n')}").ConfigureAwait(false);
                break;
            case OutputFormat.Name:
                await output.WriteLineAsync(Shown.Clean(name(item))).ConfigureAwait(false);
                break;
            default:
                WriteTable([item], Shows(columns), widths);
                break;
        }
    }

    /// <summary>A list's beginning, where it is a table: its rows.</summary>
    /// <returns>False where it is not: each of it is one more.</returns>
    public async Task<bool> BeginAsync<T>(IReadOnlyList<T> items, IReadOnlyList<Column<T>> columns, string nothing, TableWidths widths)
    {
        var isTable = format is OutputFormat.Table or OutputFormat.Wide;
        if (isTable)
        {
            await TableAsync(items, Shows(columns), nothing, widths).ConfigureAwait(false);
        }

        return isTable;
    }

    private IReadOnlyList<Column<T>> Shows<T>(IReadOnlyList<Column<T>> columns) => [.. columns.Where(c => !c.Wide || format == OutputFormat.Wide)];

    private async Task TableAsync<T>(IReadOnlyList<T> items, IReadOnlyList<Column<T>> columns, string nothing, TableWidths widths)
    {
        if (items.Count == 0)
        {
            await output.WriteLineAsync(nothing).ConfigureAwait(false);
            return;
        }

        WriteTable(items, columns, widths);
    }

    private void WriteTable<T>(IReadOnlyList<T> items, IReadOnlyList<Column<T>> columns, TableWidths widths)
    {
        var table = new Table { ShowHeaders = !widths.IsBegun }.NoBorder();
        IReadOnlyList<IReadOnlyList<string>> rows = [.. items.Select(item => columns.Select(c => Shown.Clean(c.Value(item))).ToList())];
        var wide = widths.Include([[.. columns.Select(static c => c.Title)], .. rows]);
        foreach (var (i, column) in columns.Index())
        {
            table.AddColumn(new TableColumn(new Text(column.Title)) { Width = wide[i] }.NoWrap().PadLeft(0).PadRight(3));
        }

        foreach (var (row, item) in rows.Zip(items))
        {
            table.AddRow(columns.Select((c, i) => (Spectre.Console.Rendering.IRenderable)new Text(row[i], c.Style?.Invoke(item) is { } color ? new Style(color) : null)).ToArray());
        }

        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output), Ansi = IsTerminal ? AnsiSupport.Detect : AnsiSupport.No });
        if (!IsTerminal)
        {
            // Nothing is cut or broken for a program that reads it.
            console.Profile.Width = int.MaxValue / 2;
        }

        console.Write(table);
    }

    private bool IsTerminal => ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("NO_COLOR") is null or "";
}
