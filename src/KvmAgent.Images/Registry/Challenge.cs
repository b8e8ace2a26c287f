namespace KvmAgent.Images.Registry;

/// <summary>The parameters of a <c>WWW-Authenticate</c> header: <c>name="value",…</c>, where a value may have commas.</summary>
internal static class Challenge
{
    public static IReadOnlyDictionary<string, string> Parse(string? text)
    {
        var found = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var rest = text.AsSpan().Trim();
        while (rest.IndexOf('=') is var equals and > 0)
        {
            var name = rest[..equals].Trim(" ,").ToString();
            rest = rest[(equals + 1)..].TrimStart();
            var isQuoted = rest.Length > 0 && rest[0] == '"';
            rest = isQuoted ? rest[1..] : rest;
            var end = rest.IndexOf(isQuoted ? '"' : ',');
            end = end < 0 ? rest.Length : end;
            found.TryAdd(name, rest[..end].Trim().ToString());
            rest = rest[Math.Min(rest.Length, end + 1)..];
        }
        return found;
    }
}
