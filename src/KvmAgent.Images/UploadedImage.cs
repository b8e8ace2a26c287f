namespace KvmAgent.Images;

/// <summary>An image that somebody sends: it is read once, from its beginning to its end.</summary>
/// <param name="Content">Disposed of by whom it came from.</param>
/// <param name="Length">In bytes; null where that is not known before the end.</param>
/// <param name="Name">What errors call it.</param>
public sealed record UploadedImage(Stream Content, long? Length, string Name);
