using Microsoft.Extensions.Logging;

namespace KvmAgent.Lifecycle;

/// <summary>What was set up and how to undo it: in reverse, all of it, whatever of it fails.</summary>
internal sealed partial class UndoStack(ILogger<UndoStack> log)
{
    private readonly Stack<(string What, Func<Task> Undo)> _steps = [];

    /// <summary>Push before the step begins: half of it may be there when it fails.</summary>
    public void Push(string what, Func<Task> undo)
    {
        lock (_steps)
        {
            _steps.Push((what, undo));
        }
    }

    public void Push(string what, Action undo) => Push(what, () =>
    {
        undo();
        return Task.CompletedTask;
    });

    public async Task UndoAsync()
    {
        while (true)
        {
            (string What, Func<Task> Undo) step;
            lock (_steps)
            {
                if (!_steps.TryPop(out step))
                {
                    return;
                }
            }

            try
            {
                await step.Undo().ConfigureAwait(false);
            }
            catch (Exception e) when (e is AgentException or IOException or UnauthorizedAccessException)
            {
                LogFailed(step.What, e.Message);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "cannot undo {What}: {Error}")]
    private partial void LogFailed(string what, string error);
}
