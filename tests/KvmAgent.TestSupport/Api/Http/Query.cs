using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.TestSupport.Api;

/// <summary>Query parameters: each verb has its own, and what it does not have is refused, where the real server says nothing.</summary>
internal static class Query
{
    private static readonly string[] Any = ["pretty"];
    private static readonly string[] Listed =
    [
        "labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "resourceVersionMatch", "timeoutSeconds", "watch", "allowWatchBookmarks",
        "sendInitialEvents", "includeObject",
    ];

    private static readonly string[] Written = ["dryRun", "fieldManager", "fieldValidation"];
    private static readonly string[] Deleted = ["dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy"];

    public static IReadOnlyDictionary<string, string> Read(HttpRequest request, string verb)
    {
        string[] known = verb switch
        {
            PodLogs.Subresource => [.. Any, "container", "follow", "tailLines"],
            "get" => [.. Any, "resourceVersion", "includeObject"],
            "list" or "watch" => [.. Any, .. Listed],
            "create" or "update" => [.. Any, .. Written],
            "patch" => [.. Any, .. Written, "force"],
            "delete" => [.. Any, .. Deleted],
            "deletecollection" => [.. Any, .. Listed, .. Deleted],
            _ => ["verbose", "timeout", "exclude"],
        };
        var query = new Dictionary<string, string>();
        foreach (var (name, values) in request.Query)
        {
            if (!known.Contains(name))
            {
                throw ApiError.Unknown(400, "BadRequest", $"{verb} knows no query parameter {name} (={values}); it knows {string.Join(", ", known)}");
            }

            query[name] = values.ToString();
        }

        if (query.GetValueOrDefault("dryRun") is { } dryRun && dryRun is not "All")
        {
            throw ApiError.Unknown(400, "BadRequest", $"dryRun: Unsupported value: \"{dryRun}\": supported values: \"All\"");
        }

        if (query.GetValueOrDefault("fieldValidation") is { } validation && validation is not ("Ignore" or "Warn" or "Strict"))
        {
            throw ApiError.Unknown(422, "Invalid", $"fieldValidation: Unsupported value: \"{validation}\": supported values: \"Ignore\", \"Strict\", \"Warn\"");
        }

        return query;
    }

    public static bool IsTrue(IReadOnlyDictionary<string, string> query, string name) => query.GetValueOrDefault(name) is "true" or "1" or "True";

    public static long Integer(string name, string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw ApiError.Unknown(400, "BadRequest", $"{name}: {text} is no whole number");

    /// <summary>0 where none is given.</summary>
    public static long ResourceVersion(IReadOnlyDictionary<string, string> query) =>
        query.GetValueOrDefault("resourceVersion") is { Length: > 0 } text ? Integer("resourceVersion", text) : 0;
}
