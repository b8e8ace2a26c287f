namespace KvmAgent.Cli.Management;

/// <summary>A request's query.</summary>
internal static class QueryText
{
    /// <param name="parameters">Those without a value are left out.</param>
    /// <returns>With its question mark; empty where there is none.</returns>
    public static string Of(params IEnumerable<(string Name, string? Value)> parameters)
    {
        var given = parameters.Where(static p => p.Value is not null).Select(static p => $"{p.Name}={Uri.EscapeDataString(p.Value!)}");
        return string.Join('&', given) is { Length: > 0 } text ? $"?{text}" : "";
    }
}
