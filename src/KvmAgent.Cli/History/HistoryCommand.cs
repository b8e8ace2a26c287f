using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Cli.Vms;
using KvmAgent.Contracts.Rest;
using Spectre.Console;

namespace KvmAgent.Cli.History;

/// <summary><c>kvmctl events</c>: what happened to machines, also to those that are gone, as the coordinator has written it down.</summary>
internal static class HistoryCommand
{
    private const int PageSize = 500, UsualLimit = 100;

    private static readonly Argument<string?> Machine = new("vm") { Description = "NAME, or NAMESPACE/NAME; without it all machines.", Arity = ArgumentArity.ZeroOrOne };

    private static readonly Option<string?> Since = new("--since") { Description = "How long ago it begins, such as 90s, 30m, 2h or 7d; or a time by RFC 3339.", HelpName = "AGE|TIME" };

    private static readonly Option<string?> Type = new("--type") { Description = $"Of this type alone: {string.Join(", ", HistoryTypes.All)}." };

    private static readonly Option<int?> Limit = new("--limit") { Description = $"The newest so many; {UsualLimit} without it, and with --since all.", HelpName = "NUMBER" };

    private static readonly Option<bool> Follow = new("--follow", "-f") { Description = "Go on with what happens, until Ctrl-C." };

    public static Command Create()
    {
        var command = new Command("events", "Show what happened to virtual machines, the newest last.") { Machine, Since, Type, Limit, Follow, VmTargetOptions.Namespace, VmTargetOptions.AllNamespaces, Printer.Option };
        command.Guard(async (result, cancel) =>
        {
            var (scope, since) = (Scope(result), result.GetValue(Since) is { } text ? Moment(text, TimeProvider.System.GetUtcNow()) : (DateTimeOffset?)null);
            (string, string?)[] asked = [.. scope, ("type", result.GetValue(Type)), ("since", since?.ToString("O", CultureInfo.InvariantCulture))];
            var list = await ListAsync(asked, since is not null, result.GetValue(Limit), cancel).ConfigureAwait(false);
            var printer = Printer.Of(result);
            if (!result.GetValue(Follow))
            {
                await printer.ListAsync(list.Events, JsonSerializer.SerializeToNode(list, RestJson.Default.HistoryList)!, Name, Columns, "there are no events").ConfigureAwait(false);
                return;
            }

            try
            {
                await new HistoryFollowing(printer, result.InvocationConfiguration.Error, TimeProvider.System).RunAsync(list, QueryText.Of(asked), cancel).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                // That is how it ends.
            }
        });
        return command;
    }

    public static string Name(HistoryEvent happened) => string.Create(CultureInfo.InvariantCulture, $"{happened.Id}");

    public static IReadOnlyList<Column<HistoryEvent>> Columns { get; } =
    [
        new("TIME", static e => e.At.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)),
        new("NAMESPACE", static e => e.Namespace),
        new("NAME", static e => e.Name),
        new("TYPE", static e => e.Type, Style: static e => e.Type == HistoryTypes.Deleted || e.Severity == "Warning" ? Color.Yellow : null),
        new("WHAT", What),
        new("ID", static e => Name(e), Wide: true),
        new("OBJECT", static e => e.Object ?? "", Wide: true),
        new("UID", static e => e.Uid ?? "", Wide: true),
    ];

    private static string What(HistoryEvent e) => e.Type == HistoryTypes.Event
        ? $"{e.Reason}{(e.Count > 1 ? string.Create(CultureInfo.InvariantCulture, $" ({e.Count} times)") : "")}{(e.Message is null ? "" : $": {e.Message}")}"
        : $"{(e.Former is null ? "" : $"{e.Former} -> ")}{e.Status}{(e.Missed ? $" ({e.Message})" : "")}";

    private static async Task<HistoryList> ListAsync((string, string?)[] asked, bool isWhole, int? limit, CancellationToken cancel)
    {
        using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
        if (!isWhole || limit is not null)
        {
            return await PageAsync(("limit", (limit ?? UsualLimit).ToString(CultureInfo.InvariantCulture))).ConfigureAwait(false);
        }

        var all = new List<HistoryEvent>();
        for (long? after = 0; ;)
        {
            var page = await PageAsync(("after", after?.ToString(CultureInfo.InvariantCulture)), ("limit", PageSize.ToString(CultureInfo.InvariantCulture))).ConfigureAwait(false);
            all.AddRange(page.Events);
            after = page.Continue;
            if (after is null)
            {
                return page with { Events = all };
            }
        }

        Task<HistoryList> PageAsync(params (string, string?)[] place) => client.GetAsync($"/kubevirt/events{QueryText.Of(asked.Concat(place))}", RestJson.Default.HistoryList, cancel);
    }

    private static (string, string?)[] Scope(ParseResult result)
    {
        var (machine, ns, all) = (result.GetValue(Machine), result.GetValue(VmTargetOptions.Namespace), result.GetValue(VmTargetOptions.AllNamespaces));
        if (machine is null)
        {
            var asked = VmTable.Request(result);
            return [("namespace", asked.Namespace), ("all_namespaces", asked.AllNamespaces ? "true" : null)];
        }

        var target = VmTarget.Of(machine, ns, null);
        return all
            ? throw new CliException(ExitCodes.Usage, $"{target} is one machine, and --all-namespaces asks for all of them; give one of them")
            : [("namespace", target.Namespace), ("name", target.Name)];
    }

    private static DateTimeOffset Moment(string text, DateTimeOffset now)
    {
        var unit = text.Length == 0 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 };
        return unit > 0 && int.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? now - TimeSpan.FromSeconds((double)unit * count)
            : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out var at) ? at
            : throw new CliException(ExitCodes.Usage, $"--since {text} is neither an age nor a time; give one such as 2h, or 2026-01-31T12:00:00Z");
    }
}
