using Microsoft.AspNetCore.Http;

namespace KvmAgent.TestSupport.Api;

/// <summary>
/// The way of a request: faults, who asks, where to, the verb, the answer; and its line in the log. What fails becomes a Status here alone.
/// </summary>
internal sealed class Handler(World world, Users users, Faults faults, Resources resources, Aggregator aggregator, RequestLog log, Complaints complaints, TimeProvider time)
{
    public async Task HandleAsync(HttpContext http)
    {
        var line = new LoggedRequest(
            http.Request.Method, http.Request.Path, http.Request.QueryString.ToString(), Body.MediaType(http.Request), "", http.Request.Headers.UserAgent.ToString(), 0, "", "", "", "", "", "");
        var fault = faults.For(http.Request);
        if (fault is not null && !await BeginsAsync(http, fault))
        {
            log.Add(line with { StatusCode = fault.Drop == Drop.No ? http.Response.StatusCode : 0 });
            return;
        }

        var dropAfter = fault?.Drop == Drop.After;
        Answer answer;
        try
        {
            if (http.Request.Path.Value is "/healthz" or "/readyz" or "/livez")
            {
                // Anybody may ask, as of the real one.
                await WriteAsync(http, new Answer(200, "ok"u8.ToArray(), "text/plain; charset=utf-8"));
                log.Add(line with { StatusCode = 200 });
                return;
            }

            var known = users.Authenticate(http.Request);
            line = line with { User = known.User.Name };
            if (known.Filter?.Invoke(http.Request) == false)
            {
                throw new ApiError(403, "Forbidden", $"{http.Request.Method} {http.Request.Path} is forbidden: User \"{known.User.Name}\" may not");
            }

            answer = await AnswerAsync(http, known.User, read => line = read(line));
        }
        catch (ApiError error)
        {
            if (error.Complaint)
            {
                complaints.Add($"{http.Request.Method} {http.Request.Path}{http.Request.QueryString} by {line.User}: {error.Message}");
            }

            answer = error.IsText ? new Answer(error.Code, System.Text.Encoding.UTF8.GetBytes(error.Message), "text/plain; charset=utf-8") : new Answer(error.Code, error.ToStatus().Bytes());
        }
        catch (Exception e) when (e is not (OperationCanceledException or IOException))
        {
            // A fault of this server's own must not pass for one of the client's.
            complaints.Add($"{http.Request.Method} {http.Request.Path}: the test's server failed: {e}");
            answer = new Answer(500, new ApiError(500, "InternalError", e.Message).ToStatus().Bytes());
        }

        log.Add(line with { StatusCode = dropAfter ? 0 : answer.Code });
        if (dropAfter)
        {
            http.Abort();
        }

        if (answer.Watch is { } watch)
        {
            http.Response.Headers.Date = world.Now.ToString("R");
            await watch();
        }
        else if (!dropAfter)
        {
            await WriteAsync(http, answer);
        }
    }

    /// <returns>Whether the request is gone on with.</returns>
    private async Task<bool> BeginsAsync(HttpContext http, Fault fault)
    {
        if (fault.Until is { } until)
        {
            await until.WaitAsync(http.RequestAborted);
        }

        if (fault.Delay > TimeSpan.Zero)
        {
            await Task.Delay(fault.Delay, time, http.RequestAborted);
        }

        if (fault.Drop == Drop.Before)
        {
            http.Abort();
            return false;
        }

        if (fault.Status is not { } status)
        {
            return true;
        }

        var error = new ApiError(status, Reason(status), $"the test answers {status}");
        if (fault.RetryAfterSeconds is { } seconds)
        {
            http.Response.Headers.RetryAfter = seconds.ToString();
            error.Details["retryAfterSeconds"] = seconds;
        }

        await WriteAsync(http, new Answer(status, error.ToStatus().Bytes()));
        return false;
    }

    private async Task<Answer> AnswerAsync(HttpContext http, Identity user, Action<Func<LoggedRequest, LoggedRequest>> read)
    {
        var path = http.Request.Path.Value ?? "/";
        if (http.Request.Method == "GET" && Discovery.Document(world, path, http.Request.Host.ToString()) is { } document)
        {
            Query.Read(http.Request, "discovery");
            return new Answer(200, document.Bytes());
        }

        var target = RequestPath.Parse(http.Request.Path) ?? throw ApiError.UnknownPath(path);
        read(line => line with { Group = target.Group, Resource = target.Plural, Subresource = target.Subresource, Namespace = target.Namespace, Name = target.Name });
        return aggregator.Serves(target)
            ? await aggregator.ForwardAsync(http, target, user)
            : await resources.AnswerAsync(http, target, user, verb => read(line => line with { Verb = verb }));
    }

    private async Task WriteAsync(HttpContext http, Answer answer)
    {
        http.Response.StatusCode = answer.Code;
        http.Response.ContentType = answer.ContentType;
        http.Response.ContentLength = answer.Body.Length;
        http.Response.Headers.Date = world.Now.ToString("R");
        foreach (var warning in answer.Warnings)
        {
            http.Response.Headers.Append("Warning", $"299 - \"{warning.Replace("\"", "\\\"", StringComparison.Ordinal)}\"");
        }

        await http.Response.Body.WriteAsync(answer.Body, http.RequestAborted);
    }

    private static string Reason(int status) => status switch
    {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    };
}

/// <summary>What is sent back.</summary>
internal sealed record Answer(int Code, byte[] Body, string ContentType = "application/json")
{
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Writes for as long as it is watched.</summary>
    public Func<Task>? Watch { get; init; }
}
