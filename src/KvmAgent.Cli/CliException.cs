namespace KvmAgent.Cli;

/// <summary>What the process exits with, by sysexits.h.</summary>
internal static class ExitCodes
{
    public const int Usage = 64, Data = 65, Unavailable = 69, Software = 70, CannotCreate = 73, TryAgain = 75, NoPermission = 77;
}

/// <summary>A failure that somebody can mend: its text says what failed, with what value, and what to do.</summary>
internal sealed class CliException(int exitCode, string message, Exception? inner = null) : Exception(message, inner)
{
    public int ExitCode => exitCode;

    /// <summary>Whether who has been answered before had better ask again: nobody answers now, or a proxy in the coordinator's place.</summary>
    public bool MayPass { get; init; } = exitCode == ExitCodes.TryAgain;
}
