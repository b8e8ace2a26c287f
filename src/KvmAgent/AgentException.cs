namespace KvmAgent;

/// <summary>Why the agent ends other than by the guest's own poweroff. The value is the exit code: sysexits.h below 80, ours from 80.</summary>
internal enum FailureReason
{
    /// <summary>Wrong settings or command line (EX_USAGE).</summary>
    Settings = 64,

    /// <summary>An image, a disk or a data file that must not be used (EX_DATAERR).</summary>
    Refused = 65,

    /// <summary>The image's source does not give it (EX_UNAVAILABLE).</summary>
    SourceUnavailable = 69,

    /// <summary>A fault of the agent itself (EX_SOFTWARE).</summary>
    Internal = 70,

    /// <summary>A device, program, capability or kernel setting is missing (EX_OSERR).</summary>
    Missing = 71,

    /// <summary>A disk is full or cannot be written (EX_CANTCREAT).</summary>
    Unwritable = 73,

    /// <summary>Another agent is in the way; it may be gone soon (EX_TEMPFAIL).</summary>
    TryAgain = 75,

    /// <summary>The guest's kernel panicked.</summary>
    GuestPanic = 80,

    /// <summary>QEMU ended by itself with an error or by a signal.</summary>
    QemuCrash = 81,

    /// <summary>The kernel killed QEMU for memory.</summary>
    OutOfMemory = 82,

    /// <summary>The guest did not stop in its grace period and was killed.</summary>
    ForcedStop = 83,
}

/// <summary>
/// The one exception for what a person can understand and mend. The message says what failed, with what value, and what to do;
/// everything else that is thrown is a fault of ours and ends with <see cref="FailureReason.Internal"/>.
/// </summary>
internal sealed class AgentException : Exception
{
    public AgentException(FailureReason reason, string message, Exception? inner = null)
        : base(message, inner) => Reason = reason;

    public FailureReason Reason { get; }

    public int ExitCode => (int)Reason;
}
