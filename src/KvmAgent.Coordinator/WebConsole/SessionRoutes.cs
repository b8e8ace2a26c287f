using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Rest;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.WebConsole;

/// <summary>Begins a session with a token that is shown as any request shows one, tells it, and ends it.</summary>
internal sealed class SessionRoutes(Sessions sessions)
{
    private const string Path = "/session";

    public IReadOnlyList<RestRoute> All =>
    [
        RestRoute.Of(HttpMethods.Post, Path, "Begins a session of the web console: a cookie that stands for the token.", RestJson.Default.SessionAnswer, BeginAsync, changes: true) with { Status = 201 },
        RestRoute.Of(HttpMethods.Get, Path, "Tells the session.", RestJson.Default.SessionAnswer, TellAsync),
        RestRoute.Of(HttpMethods.Delete, Path, "Ends the session.", RestJson.Default.SessionAnswer, EndAsync, changes: true),
    ];

    private Task<SessionAnswer> BeginAsync(RestRequest request) => Task.FromResult(Answer(request, sessions.Begin(request.Http, request.Caller.Token)));

    private Task<SessionAnswer> TellAsync(RestRequest request) => Task.FromResult(Answer(request, Own(request)));

    private Task<SessionAnswer> EndAsync(RestRequest request)
    {
        var session = Own(request);
        Sessions.End(request.Http);
        return Task.FromResult(Answer(request, session));
    }

    private Session Own(RestRequest request) => sessions.Of(request.Http) ?? throw new CoordinatorException(FailureReason.NotFound, "there is no session; begin one with POST /session");

    private static SessionAnswer Answer(RestRequest request, Session session) => new(request.Caller.User.Name, session.Mark, session.Ends);
}
