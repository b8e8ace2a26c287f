namespace KvmAgent.Images;

/// <summary>Why an image is not to be had; one reason, one exit code.</summary>
public enum ImageFailure
{
    /// <summary>The bytes are hostile, broken, of a wrong format, or not the ones the checksum names.</summary>
    Refused,

    /// <summary>The source does not answer, does not have it, or breaks off again and again.</summary>
    Unavailable,

    /// <summary>The volume has too little room.</summary>
    NoSpace,

    /// <summary>The volume cannot be written or read.</summary>
    Unwritable,

    /// <summary>The request itself is wrong: a URL, a name, a file of headers or certificates.</summary>
    Settings,

    /// <summary>A program that is needed is not installed.</summary>
    Missing,
}

/// <summary>
/// The one exception of this library. Its message is a sentence for people; whatever a server or a file
/// put into it is freed of control characters, so that a log or a terminal cannot be led astray.
/// </summary>
public sealed class ImageException(ImageFailure reason, string message, Exception? cause = null)
    : Exception(Plain(message), cause)
{
    public ImageFailure Reason { get; } = reason;

    private static string Plain(string text) =>
        string.Create(text.Length, text, static (to, from) =>
        {
            for (var i = 0; i < from.Length; i++)
                to[i] = char.IsControl(from[i]) ? '?' : from[i];
        });
}
