namespace KvmAgent.Images.Fetch;

/// <summary>Addresses as they may be shown and compared.</summary>
internal static class HttpAddress
{
    /// <summary>Without user, password and query: signed URLs carry their secret there.</summary>
    public static string Show(Uri address) =>
        address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped) + (address.Query.Length > 1 ? "?…" : "");

    public static bool IsHttp(Uri address) => address.Scheme is "http" or "https";

    public static bool SameOrigin(Uri a, Uri b) =>
        a.Scheme == b.Scheme && a.Port == b.Port && string.Equals(a.IdnHost, b.IdnHost, StringComparison.OrdinalIgnoreCase);

    /// <summary>The same address without user, password and fragment, as it goes over the wire.</summary>
    public static Uri Bare(Uri address) =>
        new(address.GetComponents(UriComponents.HttpRequestUrl, UriFormat.UriEscaped));
}
