using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Cli.Vms;
using KvmAgent.Contracts.Rest;
using Spectre.Console;

namespace KvmAgent.Cli.Jobs;

/// <summary><c>kvmctl job</c>: what takes long.</summary>
internal static class JobCommand
{
    private static readonly Argument<string> Id = new("job") { Description = "The job's id." };

    public static Command Create() => new("job", "Look after what takes long, such as clones.") { List(), Get(), Cancel(), Printer.Option };

    private static Command List()
    {
        var status = new Option<string?>("--status") { Description = "pending, running, completed, failed or cancelled; several by commas." };
        var kind = new Option<string?>("--kind") { Description = "clone or import." };
        var limit = new Option<int?>("--limit") { Description = "How many at most; 100 without it." };
        var command = new Command("list", "List jobs, the newest first.") { status, kind, limit, VmTargetOptions.Provider };
        command.Aliases.Add("ls");
        command.Guard(async (result, cancel) =>
        {
            var request = new JobQueryRequest
            {
                Status = result.GetValue(status),
                Kind = result.GetValue(kind),
                Limit = result.GetValue(limit),
                Provider = result.GetValue(VmTargetOptions.Provider),
            };
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var list = await client.PostAsync("/jobs/query", request, RestJson.Default.JobQueryRequest, RestJson.Default.JobList, cancel).ConfigureAwait(false);
            await Printer.Of(result).ListAsync(
                list.Jobs, JsonSerializer.SerializeToNode(list, RestJson.Default.JobList)!, static j => j.Id, Columns(list.Timestamp), "there are no jobs").ConfigureAwait(false);
        });
        return command;
    }

    private static Command Get()
    {
        var command = new Command("get", "Show how far a job is, in YAML or JSON.") { Id, JobWait.Option };
        command.Guard(async (result, cancel) =>
        {
            var id = result.GetValue(Id)!;
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var details = result.GetValue(JobWait.Option)
                ? await JobWait.EndAsync(client, id, TimeProvider.System, cancel).ConfigureAwait(false)
                : await client.GetAsync(JobWait.Path(id), RestJson.Default.JobDetails, cancel).ConfigureAwait(false);
            await Printer.Of(result).ObjectAsync(id, JsonSerializer.SerializeToNode(details, RestJson.Default.JobDetails)!).ConfigureAwait(false);
        });
        return command;
    }

    private static Command Cancel()
    {
        var ids = new Argument<string[]>("job") { Description = "The jobs' ids.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("cancel", "Cancel jobs: what was made for them is deleted.") { ids };
        command.Guard(async (result, cancel) =>
        {
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var answer = await client.PostAsync(
                "/jobs/cancel", new JobCancelRequest(result.GetValue(ids)), RestJson.Default.JobCancelRequest, RestJson.Default.JobCancelAnswer, cancel).ConfigureAwait(false);
            foreach (var id in answer.Cancelled)
            {
                await Printer.Of(result).DoneAsync(new VmAnswer(id, $"job {id} is cancelled", answer.Timestamp)).ConfigureAwait(false);
            }

            if (answer.Errors is { Count: > 0 } errors)
            {
                throw new CliException(ExitCodes.TryAgain, string.Join('\n', errors.Values));
            }
        });
        return command;
    }

    private static IReadOnlyList<Column<JobSummary>> Columns(DateTimeOffset now) =>
    [
        new("ID", static j => j.Id),
        new("KIND", static j => j.Kind),
        new("STATUS", static j => j.Status, Style: static j => ColorOf(j.Status)),
        new("PROGRESS", static j => j.Percent.ToString("0.#", CultureInfo.InvariantCulture) + "%"),
        new("MAKES", static j => $"{j.Namespace}/{j.Name}"),
        new("AGE", j => Shown.Age(j.CreatedAt, now)),
        new("SOURCE", static j => j.Source ?? "", Wide: true),
        new("PROVIDER", static j => j.Provider, Wide: true),
        new("OWNER", static j => j.Owner, Wide: true),
        new("MESSAGE", static j => j.Error ?? j.Message, Wide: true),
    ];

    private static Color? ColorOf(string status) => status switch
    {
        JobStates.Completed => Color.Green,
        JobStates.Failed => Color.Red,
        JobStates.Pending or JobStates.Running => Color.Yellow,
        _ => null,
    };
}
