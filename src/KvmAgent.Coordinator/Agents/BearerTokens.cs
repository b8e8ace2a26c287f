using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Agents;

/// <summary>Requests that show a token, as agents and importers make them.</summary>
internal static class BearerTokens
{
    private static readonly TimeSpan ReviewLimit = TimeSpan.FromSeconds(10);

    /// <returns>The token that a request shows; null where there is none.</returns>
    public static string? Of(HttpContext context)
    {
        const string scheme = "Bearer ";
        var authorization = context.Request.Headers.Authorization.ToString();
        return authorization.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) && authorization[scheme.Length..].Trim() is { Length: > 0 } token ? token : null;
    }

    /// <returns>Null where the request was answered with a refusal.</returns>
    public static async Task<(string Token, AgentAdmission Admission)?> AdmitAsync(HttpContext context, AdmitAgent admit, TimeProvider time)
    {
        if (Of(context) is not { } token)
        {
            return await RefuseAsync(context, StatusCodes.Status401Unauthorized, "there is no bearer token").ConfigureAwait(false);
        }

        AgentAdmission admission;
        try
        {
            admission = await admit(token, context.RequestAborted).WaitAsync(ReviewLimit, time, context.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception) when (!context.RequestAborted.IsCancellationRequested)
        {
            return await RefuseAsync(context, StatusCodes.Status503ServiceUnavailable, "the token cannot be reviewed now").ConfigureAwait(false);
        }

        if (admission is { Identity: null, Enrol: null })
        {
            return await RefuseAsync(context, admission.Known ? StatusCodes.Status403Forbidden : StatusCodes.Status401Unauthorized, admission.Reason).ConfigureAwait(false);
        }

        return admission.Expires > time.GetUtcNow()
            ? (token, admission)
            : await RefuseAsync(context, StatusCodes.Status401Unauthorized, "the token has expired").ConfigureAwait(false);
    }

    /// <summary>The words are also where RFC 6750 has them: an agent's WebSocket client does not see a refusal's body.</summary>
    public static async Task<(string Token, AgentAdmission Admission)?> RefuseAsync(HttpContext context, int status, string why)
    {
        var words = string.Concat(why.Where(static c => c is >= ' ' and <= '~' and not '"' and not '\\'));
        context.Response.StatusCode = status;
        context.Response.Headers.WWWAuthenticate = $"Bearer error=\"{(status == StatusCodes.Status403Forbidden ? "insufficient_scope" : "invalid_token")}\", error_description=\"{words}\"";
        await context.Response.WriteAsync(why + "\n").ConfigureAwait(false);
        return null;
    }
}
