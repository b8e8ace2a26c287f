using System.Net;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes;

/// <summary>
/// The server answered, and the answer is no. Where no whole answer came (no connection, broken off, too late, too long, not understood)
/// it is <see cref="HttpRequestException"/> instead: then a write may have happened or not.
/// </summary>
public sealed class KubernetesException : Exception
{
    internal KubernetesException(string request, Status status, TimeSpan? retryAfter = null)
        : base($"{request}: {status.Code} {status.Reason}: {status.Message}")
    {
        Status = status;
        Code = status.Code ?? 0;
        RetryAfter = retryAfter ?? (status.Details?.RetryAfterSeconds is > 0 and { } seconds ? TimeSpan.FromSeconds(seconds) : null);
    }

    public Status Status { get; }

    /// <summary>The HTTP status.</summary>
    public int Code { get; }

    /// <summary>The server asks not to be asked again before.</summary>
    public TimeSpan? RetryAfter { get; }

    /// <summary>The object is not there. False for a 404 that is not the API's (a proxy's; a kind the server does not have): that says nothing of the object.</summary>
    public bool IsNotFound => Status.Reason == "NotFound";

    /// <summary>There is no such path: the server does not have the kind, or is none.</summary>
    public bool IsKindUnknown => Code == (int)HttpStatusCode.NotFound && !IsNotFound;

    /// <summary>It has changed since it was read.</summary>
    public bool IsConflict => Status.Reason == "Conflict";

    public bool IsAlreadyExists => Status.Reason == "AlreadyExists";

    /// <summary>The resourceVersion or the list's page is too old: list anew.</summary>
    public bool IsGone => Code == (int)HttpStatusCode.Gone || Status.Reason is "Expired" or "Gone";

    public bool IsForbidden => Code == (int)HttpStatusCode.Forbidden;

    /// <summary>The server does not take it, and will not until somebody changes a quota, a policy or the object.</summary>
    public bool IsRefused => IsForbidden || IsInvalid || Code == (int)HttpStatusCode.BadRequest;

    public bool IsInvalid => Code == (int)HttpStatusCode.UnprocessableEntity;

    public bool IsUnauthorized => Code == (int)HttpStatusCode.Unauthorized;

    public bool IsTooManyRequests => Code == (int)HttpStatusCode.TooManyRequests;
}
