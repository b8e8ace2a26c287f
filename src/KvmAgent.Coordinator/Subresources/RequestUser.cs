using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>Who asks, as the API server's front proxy says. Only read where the connection proved to be the front proxy's.</summary>
internal sealed record RequestUser(string Name, string? Uid, IReadOnlyList<string> Groups, IReadOnlyDictionary<string, IReadOnlyList<string>> Extra)
{
    private const string UserHeader = "X-Remote-User", UidHeader = "X-Remote-Uid", GroupHeader = "X-Remote-Group", ExtraPrefix = "X-Remote-Extra-";

    /// <returns>Null where there is no user, or more than one.</returns>
    public static RequestUser? From(IHeaderDictionary headers)
    {
        if (headers[UserHeader] is not [{ Length: > 0 } name])
        {
            return null;
        }

        // A key is percent-encoded, and comes in whatever case the way made of it.
        var extra = headers.Where(static h => h.Key.StartsWith(ExtraPrefix, StringComparison.OrdinalIgnoreCase))
            .GroupBy(static h => Uri.UnescapeDataString(h.Key[ExtraPrefix.Length..]).ToLowerInvariant())
            .ToDictionary(static g => g.Key, static g => (IReadOnlyList<string>)[.. g.SelectMany(static h => h.Value).OfType<string>()]);
        return new RequestUser(name, headers[UidHeader] is [{ Length: > 0 } uid] ? uid : null, [.. headers[GroupHeader].OfType<string>()], extra);
    }
}
