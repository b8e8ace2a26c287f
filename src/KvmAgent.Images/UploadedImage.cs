namespace KvmAgent.Images;

/// <summary>An image that somebody sends: it is read once, from its beginning to its end.</summary>
/// <param name="ReadAsync">The next bytes, 0 at the end; an <see cref="IOException"/> where the rest does not come.</param>
/// <param name="Length">In bytes; null where that is not known before the end.</param>
/// <param name="Name">What errors call it.</param>
public sealed record UploadedImage(Func<Memory<byte>, CancellationToken, ValueTask<int>> ReadAsync, long? Length, string Name);
