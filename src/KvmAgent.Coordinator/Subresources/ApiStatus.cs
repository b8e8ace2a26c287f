using System.Text.Json.Nodes;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Imports.Uploads;
using KvmAgent.Kubernetes;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>Failures as the Kubernetes API tells them: metav1.Status.</summary>
internal static class ApiStatus
{
    /// <returns>HTTP status, reason and text; null for what is no failure of the request's, but ours.</returns>
    public static (int Code, string Reason, string Message)? Of(Exception e) => e switch
    {
        CoordinatorException failure => failure.Reason switch
        {
            FailureReason.BadRequest => (400, "BadRequest", e.Message),
            FailureReason.Invalid => (422, "Invalid", e.Message),
            FailureReason.Forbidden => (403, "Forbidden", e.Message),
            FailureReason.NotFound => (404, "NotFound", e.Message),
            FailureReason.Conflict or FailureReason.NotSupported => (409, "Conflict", e.Message),
            FailureReason.Unavailable => (503, "ServiceUnavailable", e.Message),
            FailureReason.TimedOut => (504, "Timeout", e.Message),
            FailureReason.Expired => (410, "Expired", e.Message),
            FailureReason.NotImplemented => (501, "NotImplemented", e.Message),
            _ => null,
        },
        UploadRefusedException refused => (refused.Status, "UploadRefused", e.Message),
        JsonRpcException { Code: LinkErrors.NotRunning or LinkErrors.NoGuestAgent or LinkErrors.Busy or LinkErrors.NotSupported } => (409, "Conflict", e.Message),
        JsonRpcException { Code: LinkErrors.TimedOut } or TimeoutException => (504, "Timeout", e.Message),
        JsonRpcException or IOException => (503, "ServiceUnavailable", $"the VM's agent failed: {e.Message}"),
        KubernetesException k => (k.Code, k.Status.Reason ?? "InternalError", k.Message),
        HttpRequestException => (503, "ServiceUnavailable", $"the API server does not answer: {e.Message}"),
        _ => null,
    };

    public static async Task WriteAsync(HttpContext context, int code, string reason, string message)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(Failure(code, reason, message).ToJsonString(), context.RequestAborted).ConfigureAwait(false);
    }

    public static JsonObject Failure(int code, string reason, string message) => new()
    {
        ["kind"] = "Status",
        ["apiVersion"] = "v1",
        ["metadata"] = new JsonObject(),
        ["status"] = "Failure",
        ["message"] = message,
        ["reason"] = reason,
        ["code"] = code,
    };
}
