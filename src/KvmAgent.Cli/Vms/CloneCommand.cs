using System.CommandLine;
using System.Text.Json;
using KvmAgent.Cli.Jobs;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Vms;

/// <summary><c>kvmctl vm clone</c>: another machine with copies of a machine's disks.</summary>
internal static class CloneCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("name") { Description = "The new machine's name; it is in the same namespace." };
        var start = new Option<bool>("--start") { Description = "Start it when its disks are there." };
        var command = new Command("clone", "Make another virtual machine with copies of a machine's disks.") { VmTarget.Argument, name, start, JobWait.Option };
        command.Guard(async (result, cancel) =>
        {
            var target = VmTarget.Of(result);
            var request = new VmCloneRequest { Provider = target.Provider, Name = result.GetValue(name), Start = result.GetValue(start) };
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var answer = await client.PostAsync($"{target.Path}/clone", request, RestJson.Default.VmCloneRequest, RestJson.Default.VmCloneAnswer, cancel).ConfigureAwait(false);
            if (!result.GetValue(JobWait.Option))
            {
                await Printer.Of(result).DoneAsync(
                    answer.Id, $"{answer.Message}\njob {answer.JobId} tells how far it is", JsonSerializer.SerializeToNode(answer, RestJson.Default.VmCloneAnswer)!).ConfigureAwait(false);
                return;
            }

            // What it waits for is to be known before it is waited for.
            await result.InvocationConfiguration.Error.WriteLineAsync($"kvmctl: {Shown.Clean(answer.Message)}; job {answer.JobId}").ConfigureAwait(false);
            var done = await JobWait.EndAsync(client, answer.JobId, TimeProvider.System, cancel).ConfigureAwait(false);
            await Printer.Of(result).DoneAsync(answer.Id, done.Job.Message, JsonSerializer.SerializeToNode(done, RestJson.Default.JobDetails)!).ConfigureAwait(false);
        });
        return command;
    }
}
