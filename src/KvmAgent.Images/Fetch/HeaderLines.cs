using System.Buffers;

namespace KvmAgent.Images.Fetch;

/// <summary>Reads <c>Name: value</c> lines. Values are secrets: an error names file and line, never what stands there.</summary>
internal static class HeaderLines
{
    private const int MaxLength = 64 * 1024;

    private static readonly SearchValues<char> Token =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    // Those that frame the request are ours.
    private static readonly HashSet<string> Ours = new(StringComparer.OrdinalIgnoreCase)
    {
        "Host", "Connection", "Content-Length", "Transfer-Encoding", "Range", "If-Range", "Accept-Encoding", "Expect", "Upgrade", "TE", "Trailer",
    };

    public static IReadOnlyList<KeyValuePair<string, string>> Read(SourceAccess access) =>
    [
        .. access.HeadersFile is { } file ? Parse(ReadLines(file), $"headers file {file}") : [],
        .. Parse(access.Headers, "the headers"),
    ];

    private static List<KeyValuePair<string, string>> Parse(IReadOnlyList<string> lines, string name)
    {
        var headers = new List<KeyValuePair<string, string>>();
        for (var i = 0; i < lines.Count; i++)
        {
            var line = lines[i].Trim();
            if (line.Length == 0 || line.StartsWith('#'))
                continue;
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0)
                throw Wrong("has no colon; write 'Name: value'");
            var (header, value) = (line[..colon].TrimEnd(), line[(colon + 1)..].Trim());
            if (header.Length == 0 || header.AsSpan().ContainsAnyExcept(Token))
                throw Wrong("has no valid header name before the colon");
            if (Ours.Contains(header))
                throw Wrong($"sets {header}, which the fetch sets itself; remove it");
            if (value.Any(c => c is not '\t' and (< ' ' or > '~')))
                throw Wrong("has characters outside ASCII in its value");
            headers.Add(new(header, value));

            ImageException Wrong(string what) => new(ImageFailure.Settings, $"{name}, line {i + 1}: it {what}");
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
