namespace KvmAgent.Settings;

/// <summary>Where the coordinator is, and as whom the agent goes there. Files are looked for when it goes: a VM does not wait for them.</summary>
internal static class LinkReader
{
    public static LinkSettings Read(SettingSource source, SettingParser parser, string hostName) => new(
        source.TryGet(Setting.CoordinatorUrl, out GivenValue url) ? ReadUrl(url, parser) : null,
        source.TryGet(Setting.CoordinatorCaFile, out GivenValue authorities) ? parser.FullPath(authorities) : null,
        source.TryGet(Setting.CoordinatorTokenFile, out GivenValue token) ? parser.FullPath(token) : Setting.CoordinatorTokenFile.Default,
        source.TryGet(Setting.PodName, out string? name) ? name : hostName,
        source.TryGet(Setting.PodUid, out string? uid) ? uid : "");

    private static Uri? ReadUrl(GivenValue given, SettingParser parser)
    {
        var isUrl = Uri.TryCreate(given.Text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url!.Host.Length > 0;
        if (!isUrl || url!.UserInfo.Length > 0 || url.Query.Length > 0 || url.Fragment.Length > 0)
        {
            parser.Errors.Add(
                given.Origin, SettingsSummary.WithoutSecrets(given.Text), "is not the URL of a coordinator", "write https://HOST or https://HOST:PORT/PREFIX");
        }
        else if (url.Scheme == "http" && !url.IsLoopback)
        {
            parser.Errors.Add(given.Origin, given.Text, "would show the token to the network", "write https://; http:// is for loopback addresses");
        }

        return url;
    }
}
