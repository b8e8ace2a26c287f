using System.CommandLine;
using System.Runtime.InteropServices;
using KvmAgent.Coordinator.Alone;
using KvmAgent.Coordinator.Hosting;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Commands;

/// <summary><c>kvm-coordinator alone</c>: the coordinator of agents that are in no cluster.</summary>
internal static partial class AloneCommand
{
    public static Command Create()
    {
        var command = new Command("alone", "Coordinate the VMs of agents outside of a cluster, until it is stopped.");
        command.SetAction((_, cancel) => CommandLine.GuardAsync(() => RunAsync(cancel)));
        return command;
    }

    private static async Task<int> RunAsync(CancellationToken cancel)
    {
        var settings = AloneSettingsReader.Read(CommandLine.Environment(), Environment.IsPrivilegedProcess);
        using var logs = CoordinatorLog.Create(settings.LogLevel, settings.LogJson);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            stop.Cancel();
        });
        await using var coordinator = new AloneCoordinator(settings, TimeProvider.System, logs);
        try
        {
            await coordinator.StartAsync(stop.Token).ConfigureAwait(false);
            var log = logs.CreateLogger("kvm-coordinator");
            LogStarted(log, string.Join(", ", coordinator.EndPoints), coordinator.Kubeconfig, coordinator.Login);
            LogConsole(log, coordinator.Console, coordinator.Login);
            LogAgents(log, coordinator.AgentUrl.GetLeftPart(UriPartial.Authority), coordinator.AgentsDirectory);
            await coordinator.RunAsync(stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Asked to stop before it had begun.
        }

        return 0;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "the coordinator listens at {EndPoints} (agents, API, health, management); kubectl and virtctl: export KUBECONFIG={Kubeconfig}; kvmctl: export KVMCTL_CONFIG={Login}")]
    private static partial void LogStarted(ILogger log, string endPoints, string kubeconfig, string login);

    [LoggerMessage(Level = LogLevel.Information, Message = "the web console is at {Console}; log in with the token in {Login}")]
    private static partial void LogConsole(ILogger log, Uri console, string login);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "run agents with COORDINATOR_URL={Url} COORDINATOR_CA_FILE={Directory}/ca.crt COORDINATOR_TOKEN_FILE={Directory}/token; in a container mount that directory")]
    private static partial void LogAgents(ILogger log, string url, string directory);
}
