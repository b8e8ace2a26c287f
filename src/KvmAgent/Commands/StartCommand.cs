using System.CommandLine;
using KvmAgent.Settings;
using KvmAgent.Status;

namespace KvmAgent.Commands;

/// <summary><c>kvm-agent start</c>: powers on a guest that VM_ON_POWEROFF=hold keeps powered off.</summary>
internal static class StartCommand
{
    public static Command Create()
    {
        var command = new Command("start", "Power on the guest that is held powered off.");
        command.SetAction((_, _) => CommandLine.GuardAsync(RunAsync));
        return command;
    }

    private static async Task<int> RunAsync() =>
        await ControlClient.StartAsync(VmSettingsReader.RunDir(CommandLine.Environment())).ConfigureAwait(false)
            ? 0
            : throw new AgentException(FailureReason.TryAgain, $"the guest is not held powered off ({Setting.VmOnPoweroff.Name}=hold); see kvm-agent status");
}
