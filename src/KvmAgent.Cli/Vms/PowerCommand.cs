using System.CommandLine;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Vms;

/// <summary>The power buttons: <c>kvmctl vm start</c>, <c>stop</c>, <c>restart</c>, <c>pause</c>, <c>unpause</c>.</summary>
internal static class PowerCommand
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    private static readonly Option<int?> Grace = new("--grace-period") { Description = "How long the guest may take to shut down, in seconds; 0: not at all." };

    private static readonly Option<bool> Paused = new("--paused") { Description = "With its CPUs held, until it is unpaused." };

    public static Command Start()
    {
        var command = Of("start", "Start a virtual machine.", PowerStates.Running);
        command.Add(Paused);
        return command;
    }

    public static Command Stop() => WithGrace(Of("stop", "Shut a virtual machine down.", PowerStates.Stopped));

    public static Command Restart() => WithGrace(Of("restart", "Shut a virtual machine down and start it again.", PowerStates.Running));

    public static Command Pause() => Of("pause", "Hold a virtual machine's CPUs.", PowerStates.Paused);

    public static Command Unpause() => Of("unpause", "Let a virtual machine's CPUs go on.", PowerStates.Running);

    private static Command WithGrace(Command command)
    {
        command.Add(Grace);
        return command;
    }

    /// <param name="wanted">What --wait waits for.</param>
    private static Command Of(string verb, string description, string wanted)
    {
        var wait = new Option<bool>("--wait") { Description = "Return when it is so, and not only when it has been asked for." };
        var command = new Command(verb, description) { VmTarget.Argument, wait };
        command.Guard(async (result, cancel) =>
        {
            var target = VmTarget.Of(result);
            var request = new VmPowerRequest
            {
                Provider = target.Provider,
                Paused = command.Options.Contains(Paused) && result.GetValue(Paused),
                GracePeriodSeconds = command.Options.Contains(Grace) ? result.GetValue(Grace) : null,
            };
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var answer = await client.PostAsync($"{target.Path}/{verb}", request, RestJson.Default.VmPowerRequest, RestJson.Default.VmAnswer, cancel).ConfigureAwait(false);
            if (result.GetValue(wait))
            {
                var last = await WaitAsync(client, target, request.Paused ? PowerStates.Paused : wanted, cancel).ConfigureAwait(false);
                answer = answer with { Message = $"{answer.Id} is {last}" };
            }

            await Printer.Of(result).DoneAsync(answer).ConfigureAwait(false);
        });
        return command;
    }

    private static async Task<string> WaitAsync(ManagementClient client, VmTarget target, string wanted, CancellationToken cancel)
    {
        while (true)
        {
            var vm = (await client.GetAsync(target.Path + target.ProviderQuery, RestJson.Default.VmDetails, cancel).ConfigureAwait(false)).Vm;
            if (vm.PowerState == wanted)
            {
                return vm.PowerState;
            }

            if (vm.PowerState == PowerStates.Failed)
            {
                throw new CliException(ExitCodes.TryAgain, $"{vm.Id} is not {wanted} but {vm.Status}{(vm.Message is null ? "" : $": {vm.Message}")}");
            }

            await Task.Delay(LookAgain, TimeProvider.System, cancel).ConfigureAwait(false);
        }
    }
}
