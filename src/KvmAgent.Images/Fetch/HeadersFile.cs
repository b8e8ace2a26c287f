using System.Buffers;

namespace KvmAgent.Images.Fetch;

/// <summary>Reads <c>Name: value</c> lines. Values are secrets: an error names file and line, never what stands there.</summary>
internal static class HeadersFile
{
    private const int MaxLength = 64 * 1024;

    private static readonly SearchValues<char> Token =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    // Those that frame the request are ours.
    private static readonly HashSet<string> Ours = new(StringComparer.OrdinalIgnoreCase)
    {
        "Host", "Connection", "Content-Length", "Transfer-Encoding", "Range", "If-Range", "Accept-Encoding", "Expect", "Upgrade", "TE", "Trailer",
    };

    public static IReadOnlyList<KeyValuePair<string, string>> Read(string path)
    {
        var headers = new List<KeyValuePair<string, string>>();
        var lines = ReadLines(path);
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].Trim();
            if (line.Length == 0 || line.StartsWith('#'))
                continue;
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0)
                throw Wrong("has no colon; write 'Name: value'");
            var (name, value) = (line[..colon].TrimEnd(), line[(colon + 1)..].Trim());
            if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(Token))
                throw Wrong("has no valid header name before the colon");
            if (Ours.Contains(name))
                throw Wrong($"sets {name}, which the fetch sets itself; remove it");
            if (value.Any(c => c is not '\t' and (< ' ' or > '~')))
                throw Wrong("has characters outside ASCII in its value");
            headers.Add(new(name, value));

            ImageException Wrong(string what) => new(ImageFailure.Settings, $"headers file {path}, line {i + 1}: it {what}");
        }
        return headers;
    }

    private static string[] ReadLines(string path)
    {
        try
        {
            if (new FileInfo(path).Length > MaxLength)
                throw new ImageException(ImageFailure.Settings, $"headers file {path} is larger than {MaxLength} bytes; is it the right file?");
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageException(ImageFailure.Settings, $"headers file {path} cannot be read: {e.Message}", e);
        }
    }
}
