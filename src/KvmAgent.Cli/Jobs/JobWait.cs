using System.CommandLine;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;
using Spectre.Console;

namespace KvmAgent.Cli.Jobs;

/// <summary>Waits until a job is over, with a bar where somebody looks. A coordinator that is away for a while is waited for, too: jobs outlive it.</summary>
internal static class JobWait
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1), Patience = TimeSpan.FromMinutes(2);

    public static Option<bool> Option { get; } = new("--wait") { Description = "Return when it is done, and show how far it is; Ctrl-C ends the waiting, and not the job." };

    public static string Path(string id) => $"/jobs/{Uri.EscapeDataString(id)}";

    /// <exception cref="CliException">It has failed, or been cancelled.</exception>
    public static async Task<JobDetails> EndAsync(ManagementClient client, string id, TimeProvider time, CancellationToken cancel)
    {
        var last = await client.GetAsync(Path(id), RestJson.Default.JobDetails, cancel).ConfigureAwait(false);
        if (!JobStates.IsOver(last.Job.Status))
        {
            last = Console.IsOutputRedirected || Console.IsErrorRedirected
                ? await FollowAsync(client, last, static _ => { }, time, cancel).ConfigureAwait(false)
                : await ShowAsync(client, last, time, cancel).ConfigureAwait(false);
        }

        return last.Job.Status == JobStates.Completed ? last
            : throw new CliException(ExitCodes.TryAgain, $"job {id} ({last.Job.Kind} of {last.Job.Namespace}/{last.Job.Name}) is {last.Job.Status}: {last.Job.Error ?? last.Job.Message}");
    }

    /// <summary>On the standard error, so that the output is the answer alone.</summary>
    private static Task<JobDetails> ShowAsync(ManagementClient client, JobDetails first, TimeProvider time, CancellationToken cancel)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error), Ansi = Environment.GetEnvironmentVariable("NO_COLOR") is null or "" ? AnsiSupport.Detect : AnsiSupport.No });
        return console.Progress().AutoClear(true).Columns(new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left }).StartAsync(context =>
        {
            var bar = context.AddTask(Words(first.Job));
            return FollowAsync(client, first, job => (bar.Value, bar.Description) = (job.Percent, Words(job)), time, cancel);
        });
    }

    private static string Words(JobSummary job) => Markup.Escape(Shown.Clean($"{job.Status}: {job.Message}"));

    private static async Task<JobDetails> FollowAsync(ManagementClient client, JobDetails last, Action<JobSummary> tell, TimeProvider time, CancellationToken cancel)
    {
        var answered = time.GetTimestamp();
        while (!JobStates.IsOver(last.Job.Status))
        {
            await Task.Delay(LookAgain, time, cancel).ConfigureAwait(false);
            try
            {
                last = await client.GetAsync(Path(last.Job.Id), RestJson.Default.JobDetails, cancel).ConfigureAwait(false);
                answered = time.GetTimestamp();
                tell(last.Job);
            }
            catch (CliException e) when (e.MayPass && time.GetElapsedTime(answered) < Patience)
            {
                // It goes on all the same.
            }
        }

        return last;
    }
}
