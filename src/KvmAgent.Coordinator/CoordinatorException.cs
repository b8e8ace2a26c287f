namespace KvmAgent.Coordinator;

/// <summary>What kind of failure it is: what a client is answered, and what the process exits with.</summary>
internal enum FailureReason
{
    /// <summary>A setting is missing or wrong.</summary>
    Settings,

    /// <summary>What is kept cannot be read, or cannot be understood.</summary>
    Data,

    /// <summary>A request that makes no sense.</summary>
    BadRequest,

    /// <summary>One that makes sense, but not here.</summary>
    Invalid,
    Forbidden,
    NotFound,

    /// <summary>Not as things are now.</summary>
    Conflict,

    /// <summary>Somebody else does not answer: an agent, the API server.</summary>
    Unavailable,
    TimedOut,
    NotSupported,

    /// <summary>Nobody can do it yet.</summary>
    NotImplemented,

    /// <summary>What is asked for has been there, and is no longer kept.</summary>
    Expired,
}

/// <summary>A failure that somebody can mend: its text says what failed, with what value, and what to do.</summary>
internal sealed class CoordinatorException(FailureReason reason, string message, Exception? inner = null) : Exception(message, inner)
{
    public FailureReason Reason => reason;

    /// <summary>By sysexits.h.</summary>
    public int ExitCode => reason switch
    {
        FailureReason.Settings or FailureReason.BadRequest or FailureReason.Invalid => 64,
        FailureReason.Data => 65,
        FailureReason.Unavailable or FailureReason.NotFound => 69,
        FailureReason.Conflict or FailureReason.TimedOut => 75,
        FailureReason.Forbidden => 77,
        _ => 70,
    };
}
