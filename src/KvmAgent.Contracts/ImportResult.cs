namespace KvmAgent.Contracts;

/// <summary>
/// How an import or a look at its source ended: the termination message of its pod. Names that CDI has too are CDI's (common.TerminationMessage), which reads the
/// message of a pod that ended with 0, and passes over names that it does not know.
/// </summary>
/// <param name="Message">For people: <c>Import Complete</c>, or what failed, with what value, and what to do.</param>
/// <param name="Reason"><c>Complete</c>, <c>Stopped</c> by a signal, or why it failed: <c>Settings</c>, <c>Refused</c>, <c>SourceUnavailable</c>, <c>Unwritable</c> and so on.</param>
/// <param name="ExitCode">The process's.</param>
public sealed record ImportResult(string Message, string Reason, int ExitCode)
{
    /// <summary>What CDI says, and looks for in nothing.</summary>
    public const string Complete = "Import Complete";

    /// <summary>Of a pod that only looked.</summary>
    public const string Inspected = "Inspected";

    /// <summary>What the source was: <c>raw</c>, <c>qcow2</c>, <c>tar</c> and so on.</summary>
    public string? Format { get; init; }

    /// <summary>The disk's size in bytes.</summary>
    public long? VirtualSize { get; init; }

    /// <summary>What the source's content is known by: a manifest's digest (<c>sha256:…</c>), an ETag or the time of its last change.</summary>
    public string? Revision { get; init; }

    /// <summary>Whether all of the disk's room was taken at once.</summary>
    public bool? PreallocationApplied { get; init; }

    /// <summary>Always false: true asks CDI for another pod with scratch space, which is not needed here.</summary>
    public bool? ScratchSpaceRequired { get; init; }
}
