using System.CommandLine;
using System.Runtime.InteropServices;
using KvmAgent.Coordinator.Hosting;
using KvmAgent.Kubernetes;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Commands;

/// <summary><c>kvm-coordinator serve</c>: the coordinator of the cluster that it runs in, or that a kubeconfig names.</summary>
internal static partial class ServeCommand
{
    public static Command Create()
    {
        var command = new Command("serve", "Realise the VirtualMachines of a cluster, until it is stopped.");
        command.SetAction((_, cancel) => CommandLine.GuardAsync(() => RunAsync(cancel)));
        return command;
    }

    private static async Task<int> RunAsync(CancellationToken cancel)
    {
        var connection = KubernetesConnection.Detect()
            ?? throw new CoordinatorException(
                FailureReason.Settings, "there is no cluster: no service account and no kubeconfig; run it in a pod, or set KUBECONFIG; without a cluster, `kvm-coordinator alone` is the one to run");
        var settings = SettingsReader.Read(CommandLine.Environment(), connection.Namespace, Environment.MachineName);
        using var logs = CoordinatorLog.Create(settings.LogLevel, settings.LogJson);
        using var traces = Tracing.Start(settings.OtlpEndpoint, settings.Identity);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            stop.Cancel();
        });
        await using var coordinator = new ClusterCoordinator(settings, connection, TimeProvider.System, logs);
        try
        {
            await coordinator.StartAsync(stop.Token).ConfigureAwait(false);
            LogStarted(logs.CreateLogger("kvm-coordinator"), connection.Server, string.Join(", ", coordinator.EndPoints), settings.WatchNamespaces is { } watched ? string.Join(", ", watched) : "all namespaces");
            await coordinator.RunAsync(stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Asked to stop before it had begun.
        }

        return 0;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "the coordinator of {Server} listens at {EndPoints} (agents, API, health, management, uploads) and looks after {Namespaces}")]
    private static partial void LogStarted(ILogger log, Uri server, string endPoints, string namespaces);
}
