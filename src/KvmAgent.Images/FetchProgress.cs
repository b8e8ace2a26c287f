namespace KvmAgent.Images;

public enum FetchPhase
{
    /// <summary>Another process fetches this image; the figures are its own, as it tells them.</summary>
    Waiting,

    Fetching,

    /// <summary>An image is unpacked into its disk; counted are the disk's bytes that are in the image.</summary>
    Importing,

    /// <summary>All bytes are here; they are being brought to the disk and checked.</summary>
    Storing,

    /// <summary>An image without a record is read to learn its digest.</summary>
    Hashing,

    /// <summary>A disk is written in another format.</summary>
    Converting,
}

/// <summary>
/// How far the work is. Reported when the phase or the detail changes, and otherwise at most twice a second.
/// <see cref="Bytes"/> may go back when a server makes the fetch start over.
/// </summary>
public sealed record FetchProgress(long Bytes, long? Total, double BytesPerSecond, FetchPhase Phase, string? Detail);
