using KvmAgent.Link;
using KvmAgent.Status;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Lifecycle;

/// <summary>The hosted service around the VM: its end is the host's end, and its exit code the process's.</summary>
internal sealed partial class VmService(
    VmRunner runner, StatusBoard board, HostPaths paths, CoordinatorLink link, AgentExit exit, IHostApplicationLifetime host, ILogger<VmService> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            exit.Code = await runner.RunAsync().ConfigureAwait(false);
        }
        catch (AgentException e)
        {
            LogFailed(e.Message);
            Fail(e.ExitCode, e.Message);
        }
        catch (Exception e)
        {
            LogFault(e);
            Fail((int)FailureReason.Internal, $"a fault of the agent: {e.Message}");
        }
        finally
        {
            TerminationMessage.Write(paths, board.Current);
            await link.FinishAsync().ConfigureAwait(false);
            host.StopApplication();
        }
    }

    private void Fail(int code, string message)
    {
        exit.Code = code;
        board.Signal(VmSignal.GaveUp, message, code);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Error}")]
    private partial void LogFailed(string error);

    [LoggerMessage(Level = LogLevel.Critical, Message = "a fault of the agent, please report it")]
    private partial void LogFault(Exception fault);
}

/// <summary>The exit code on its way from the service to Main.</summary>
internal sealed class AgentExit
{
    public int Code { get; set; } = (int)FailureReason.Internal;
}
