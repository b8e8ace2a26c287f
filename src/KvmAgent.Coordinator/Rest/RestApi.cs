using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Threading.RateLimiting;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Coordinator.Subresources;
using KvmAgent.Coordinator.WebConsole;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Rest;

/// <summary>
/// The management API: for people and their scripts, in HyperSDK's house style. Every path wants a token; each failure is
/// <c>{"error","timestamp"}</c>; what changes something is in the log, with who did it.
/// </summary>
internal sealed partial class RestApi(IReadOnlyList<RestRoute> routes, IAccess access, Sessions sessions, TimeProvider time, ILogger<RestApi> log) : IDisposable
{
    private const int PerSecond = 50, Burst = 200;

    /// <summary>For each caller by name.</summary>
    private readonly PartitionedRateLimiter<string> _rates = PartitionedRateLimiter.Create<string, string>(static caller =>
        RateLimitPartition.GetTokenBucketLimiter(caller, static _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = Burst,
            TokensPerPeriod = PerSecond,
            ReplenishmentPeriod = TimeSpan.FromSeconds(1),
        }));

    public void Dispose() => _rates.Dispose();

    public void Map(IEndpointRouteBuilder builder)
    {
        foreach (var route in routes)
        {
            // Over HTTP/2 a WebSocket is a CONNECT (RFC 8441).
            builder.MapMethods(route.Path, route.IsSocket ? [route.Method, HttpMethods.Connect] : [route.Method], context => RunAsync(context, route));
        }

        var document = new Lazy<string>(() => OpenApi.Document(routes).ToJsonString(OpenApi.Indented));
        builder.MapGet("/openapi.json", context =>
        {
            context.Response.ContentType = "application/json";
            return context.Response.WriteAsync(document.Value, context.RequestAborted);
        });
        ConsoleFiles.Map(builder);
        builder.MapFallback(context => FailAsync(context, StatusCodes.Status404NotFound, $"there is no {context.Request.Method} {context.Request.Path}; /openapi.json says what there is"));
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever fails is one request's affair, and is logged and answered.")]
    private async Task RunAsync(HttpContext context, RestRoute route)
    {
        Caller? caller = null;
        try
        {
            caller = await AdmitAsync(context).ConfigureAwait(false);
            if (caller is null)
            {
                return;
            }

            var answer = await route.Run(new RestRequest(context, caller)).ConfigureAwait(false);
            if (route.Changes)
            {
                LogChange(caller.User.Name, route.Method, context.Request.Path, (answer as IOutcome)?.Outcome ?? "done");
            }

            if (route.Answer is null)
            {
                return;
            }

            context.Response.StatusCode = route.Status;
            context.Response.ContentType = "application/json";
            await JsonSerializer.SerializeAsync(context.Response.Body, answer, route.Answer, context.RequestAborted).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody waits for an answer.
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            await FailAsync(context, route, caller, e).ConfigureAwait(false);
        }
    }

    private async Task FailAsync(HttpContext context, RestRoute route, Caller? caller, Exception e)
    {
        if (ApiStatus.Of(e) is not var (code, _, message))
        {
            LogBug(e, route.Method, context.Request.Path);
            (code, message) = (StatusCodes.Status500InternalServerError, "an error of the coordinator's; its log has it");
        }

        if (route.Changes && caller is not null)
        {
            LogChange(caller.User.Name, route.Method, context.Request.Path, message);
        }

        await FailAsync(context, code, message).ConfigureAwait(false);
    }

    /// <returns>Null where the request was answered with a refusal.</returns>
    private async Task<Caller?> AdmitAsync(HttpContext context)
    {
        var token = BearerTokens.Of(context) ?? sessions.TokenOf(context);
        if (token is not null && await access.AuthenticateAsync(token, context.RequestAborted).ConfigureAwait(false) is { } caller)
        {
            return await IsTooOftenAsync(context, caller).ConfigureAwait(false) ? null : caller;
        }

        context.Response.Headers.WWWAuthenticate = "Bearer";
        await FailAsync(
            context,
            StatusCodes.Status401Unauthorized,
            token is null ? "there is no token; send `Authorization: Bearer TOKEN`, or log in at the console" : "the token is wrong or has expired; get another, as by `kubectl create token`").ConfigureAwait(false);
        return null;
    }

    private async Task<bool> IsTooOftenAsync(HttpContext context, Caller caller)
    {
        using var lease = _rates.AttemptAcquire(caller.User.Name);
        if (lease.IsAcquired)
        {
            return false;
        }

        var seconds = lease.TryGetMetadata(MetadataName.RetryAfter, out var wait) ? Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)) : 1;
        context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        await FailAsync(context, StatusCodes.Status429TooManyRequests, $"{caller.User.Name} asks too often; try again in {seconds} s").ConfigureAwait(false);
        return true;
    }

    private Task FailAsync(HttpContext context, int code, string message)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = "application/json";
        return JsonSerializer.SerializeAsync(context.Response.Body, new RestError(message, time.GetUtcNow()), RestJson.Default.RestError, context.RequestAborted);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "audit: {User}: {Method} {Path}: {Outcome}")]
    private partial void LogChange(string user, string method, string path, string outcome);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Path} failed by an error of the coordinator's")]
    private partial void LogBug(Exception error, string method, string path);
}
