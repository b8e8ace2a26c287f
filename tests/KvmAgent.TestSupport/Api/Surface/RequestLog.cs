using System.Collections.Concurrent;

namespace KvmAgent.TestSupport.Api;

/// <summary>A request that was answered.</summary>
/// <param name="Verb">As RBAC names it: <c>get</c>, <c>list</c>, <c>watch</c>, <c>create</c>, <c>update</c>, <c>patch</c>, <c>delete</c>, <c>deletecollection</c>; empty for what is no resource.</param>
/// <param name="StatusCode">0 where the connection was dropped.</param>
public sealed record LoggedRequest(
    string Method, string Path, string QueryString, string ContentType, string User, string UserAgent, int StatusCode, string Verb, string Group, string Resource,
    string Subresource, string Namespace, string Name);

/// <summary>How often a resource was written, the failed attempts included.</summary>
public sealed record WriteCounts(int Creates, int Updates, int Patches, int Deletes, int StatusUpdates, int StatusPatches, int Failed)
{
    public int All => Creates + Updates + Patches + Deletes + StatusUpdates + StatusPatches;
}

/// <summary>All requests, in the order in which they were answered; watches are here once they begin.</summary>
public sealed class RequestLog
{
    private readonly ConcurrentQueue<LoggedRequest> _requests = new();

    public IReadOnlyList<LoggedRequest> All => [.. _requests];

    public int Count => _requests.Count;

    public void Clear() => _requests.Clear();

    /// <param name="user">Null: of all.</param>
    public WriteCounts Writes(string group, string plural, string? user = null)
    {
        var ours = _requests.Where(r => r.Group == group && r.Resource == plural && (user is null || r.User == user)).ToList();
        int Of(string verb, bool status) => ours.Count(r => r.Verb == verb && (r.Subresource == "status") == status);
        return new WriteCounts(
            Of("create", false), Of("update", false), Of("patch", false), Of("delete", false) + Of("deletecollection", false), Of("update", true), Of("patch", true),
            ours.Count(static r => r.Verb is "create" or "update" or "patch" or "delete" or "deletecollection" && r.StatusCode is 0 or >= 400));
    }

    internal void Add(LoggedRequest request) => _requests.Enqueue(request);
}
