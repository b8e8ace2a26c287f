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
                await TableAsync(items, [.. columns.Where(c => !c.Wide || format == OutputFormat.Wide)], nothing).ConfigureAwait(false);
                break;
        }
    }

    /// <summary>JSON or YAML; YAML where neither is asked for.</summary>
    private Task DocumentAsync(JsonNode json) => output.WriteLineAsync(format == OutputFormat.Json ? json.ToJsonString(Indented) : YamlText.Of(json).TrimEnd('\n'));

    /// <summary>One thing with everything that is known of it.</summary>
    public Task ObjectAsync(string id, JsonNode json) => format == OutputFormat.Name ? output.WriteLineAsync(Shown.Clean(id)) : DocumentAsync(json);

    /// <summary>What was done.</summary>
    public Task DoneAsync(VmAnswer answer) => format switch
    {
        OutputFormat.Json or OutputFormat.Yaml => DocumentAsync(JsonSerializer.SerializeToNode(answer, RestJson.Default.VmAnswer)!),
        OutputFormat.Name => output.WriteLineAsync(Shown.Clean(answer.Id)),
        _ => output.WriteLineAsync(Shown.Clean(answer.Message)),
    };

    private async Task TableAsync<T>(IReadOnlyList<T> items, IReadOnlyList<Column<T>> columns, string nothing)
    {
        if (items.Count == 0)
        {
            await output.WriteLineAsync(nothing).ConfigureAwait(false);
            return;
        }

        var table = new Table().NoBorder();
        foreach (var column in columns)
        {
            table.AddColumn(new TableColumn(new Text(column.Title)).NoWrap().PadLeft(0).PadRight(3));
        }

        foreach (var item in items)
        {
            table.AddRow(columns.Select(c => (Spectre.Console.Rendering.IRenderable)new Text(Shown.Clean(c.Value(item)), c.Style?.Invoke(item) is { } color ? new Style(color) : null)).ToArray());
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
