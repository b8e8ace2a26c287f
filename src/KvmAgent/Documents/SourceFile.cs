using System.Text;

namespace KvmAgent.Documents;

/// <summary>A mounted file and its name, for errors.</summary>
internal sealed record SourceFile(string Path, ReadOnlyMemory<byte> Content)
{
    /// <summary>Metadata and network data: documents written by people.</summary>
    public const int DocumentLimit = 1 << 20;

    /// <summary>User data and vendor data: etcd holds 1 MiB at most, but a volume may hold more, as may MIME archives.</summary>
    public const int UserDataLimit = 16 << 20;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Its content as text, without a byte order mark.</summary>
    /// <exception cref="AgentException">It is not UTF-8.</exception>
    public string Text()
    {
        var bytes = Content.Span;
        try
        {
            return StrictUtf8.GetString(bytes.StartsWith(Encoding.UTF8.Preamble) ? bytes[Encoding.UTF8.Preamble.Length..] : bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new AgentException(FailureReason.Refused, $"{Path} is not UTF-8 text: invalid at byte {e.Index}", e);
        }
    }

    /// <summary>Reads a file that may be absent.</summary>
    /// <returns>Null where there is none.</returns>
    /// <exception cref="AgentException">It is too large, a directory, or must not be read.</exception>
    public static SourceFile? Read(string path, int limit)
    {
        if (Directory.Exists(path))
        {
            throw new AgentException(FailureReason.Refused, $"{path} is a directory, not a file: mount one key of the ConfigMap or Secret there, with subPath");
        }

        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            var content = new byte[Math.Min(file.Length, limit + 1L)];
            var length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            return length <= limit
                ? new SourceFile(path, content.AsMemory(0, length))
                : throw new AgentException(FailureReason.Refused, $"{path} has {file.Length} bytes, more than the {limit} that are allowed");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new AgentException(FailureReason.Refused, $"cannot read {path}: {e.Message}", e);
        }
    }
}
