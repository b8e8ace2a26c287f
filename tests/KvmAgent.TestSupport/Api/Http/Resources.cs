using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.TestSupport.Api;

/// <summary>From a request on a resource to its verb.</summary>
internal sealed class Resources(World world, Verbs verbs, PodVerbs pods, Lists lists, Watches watches, Reviews reviews, PodLogs logs, Complaints complaints, IReadOnlyList<string> absent)
{
    public async Task<Answer> AnswerAsync(HttpContext http, RequestPath path, Identity user, Action<string> named)
    {
        var request = http.Request;
        var version = Find(path) ?? throw (absent.Contains(path.Group) ? ApiError.NoSuchKind() : ApiError.UnknownPath(request.Path));
        var verb = Verb(request, path, version);
        named(verb);
        Check(path, version, verb, request);
        var query = Query.Read(request, path.Subresource == PodLogs.Subresource ? PodLogs.Subresource : verb);
        var call = CallOf(request, path, version, user, query);
        if (verb is "get" or "list" or "watch")
        {
            return Read(http, call, verb, query);
        }

        var body = await Body.ReadAsync(request);
        var answer = verb switch
        {
            "create" => Create(call, Body.Object(request, body)),
            "update" => Of(call, verbs.Update(call, Body.Object(request, body))),
            "patch" => Of(call, verbs.Patch(call, Body.MediaType(request), Body.Patch(request, body))),
            "delete" => Deleted(call, verbs.Delete(call, OptionsOf(request, body, query))),
            _ => DeletedAll(call, query, OptionsOf(request, body, query)),
        };
        foreach (var complaint in call.Complaints)
        {
            complaints.Add($"{request.Method} {request.Path} by {user.Name}: {complaint}");
        }

        return answer with { Warnings = call.Warnings };
    }

    private ServedVersion? Find(RequestPath path)
    {
        lock (world.Gate)
        {
            return world.Type(path.Group, path.Plural)?.Version(path.Version);
        }
    }

    private static string Verb(HttpRequest request, RequestPath path, ServedVersion version)
    {
        var one = path.Name.Length > 0;
        return request.Method switch
        {
            "GET" when request.Query["watch"] is ["true" or "1"] && path.Subresource.Length == 0 => "watch",
            "GET" => one ? "get" : "list",
            "POST" when !one || path.Subresource.Length > 0 => "create",
            "PUT" when one => "update",
            "PATCH" when one => "patch",
            "DELETE" => one ? "delete" : "deletecollection",
            _ => throw ApiError.Unknown(405, "MethodNotAllowed", $"the server does not allow this method on the requested resource: {request.Method} {request.Path} ({version.Type.Kind})"),
        };
    }

    /// <summary>Whether the kind has what is asked of it.</summary>
    private static void Check(RequestPath path, ServedVersion version, string verb, HttpRequest request)
    {
        var type = version.Type;
        var subresource = path.Subresource switch
        {
            "" => true,
            "status" => version.Status && verb is "get" or "update" or "patch",
            PodLogs.Subresource => type.Subresources.Contains(PodLogs.Subresource) && verb is "get",
            var other => type.Subresources.Contains(other) && verb is "create" or "update",
        };
        var everywhere = type.Namespaced && path.Namespace.Length == 0;
        if (!subresource || (!type.Namespaced && path.Namespace.Length > 0) || (everywhere && (path.Name.Length > 0 || verb is "create" or "deletecollection")))
        {
            throw ApiError.UnknownPath($"{request.Method} {request.Path}");
        }

        if (type.Virtual && verb != "create")
        {
            throw ApiError.Unknown(405, "MethodNotAllowed", $"{type.Qualified} are only created, {verb} is not known of them");
        }
    }

    private static Call CallOf(HttpRequest request, RequestPath path, ServedVersion version, Identity user, IReadOnlyDictionary<string, string> query) => new(version, user)
    {
        Namespace = path.Namespace,
        Name = path.Name,
        Subresource = path.Subresource,
        Manager = query.GetValueOrDefault("fieldManager") is { Length: > 0 } manager ? manager
            : request.Headers.UserAgent.ToString().Split('/', ' ')[0] is { Length: > 0 } agent ? agent : "unknown",
        ManagerGiven = query.GetValueOrDefault("fieldManager") is { Length: > 0 },
        DryRun = query.ContainsKey("dryRun"),
        Force = query.TryGetValue("force", out _) ? Query.IsTrue(query, "force") : null,
        FieldValidation = query.GetValueOrDefault("fieldValidation", "Warn"),
    };

    private Answer Read(HttpContext http, Call call, string verb, IReadOnlyDictionary<string, string> query)
    {
        var accept = http.Request.Headers.Accept.ToString();
        if (accept.Length > 0 && !accept.Contains("json", StringComparison.Ordinal) && !accept.Contains('*', StringComparison.Ordinal))
        {
            throw ApiError.Unknown(406, "NotAcceptable", $"only the following media types are accepted: application/json (Accept: {accept})");
        }

        var ns = call.Type.Namespaced && call.Namespace.Length > 0 ? call.Namespace : null;
        switch (verb)
        {
            case "watch":
                // Table is not made of events; who asks for it takes plain JSON as well.
                var watcher = watches.Begin(call.Version, ns, call.Name.Length > 0 ? call.Name : null, query);
                return new Answer(200, []) { Watch = () => watches.ServeAsync(http, watcher, call.Type, query) };
            case "get" when call.Subresource == PodLogs.Subresource:
                return new Answer(200, []) { Watch = logs.Begin(http, verbs.Get(call with { Subresource = "" }), query) };
            case "get":
                var stored = verbs.Get(call);
                return new Answer(200, Tables.Wanted(accept) ? Table(call.Version, [stored], stored.Version) : stored.FullBytes(call.Version));
            default:
                var page = lists.List(call.Type, ns, query);
                return new Answer(200, Tables.Wanted(accept) ? Table(call.Version, page.Items, page.Version) : page.Bytes(call.Version));
        }
    }

    // Trees are read under the lock alone: reading them may change them inside.
    private byte[] Table(ServedVersion version, IReadOnlyList<Stored> items, long at)
    {
        lock (world.Gate)
        {
            return Tables.Of(version, items, at.ToString(), world.Now).Bytes();
        }
    }

    private Answer Create(Call call, JsonObject body)
    {
        switch (call.Subresource)
        {
            case "token":
                return new Answer(201, reviews.Request(call, body).Bytes());
            case "binding":
                pods.Bind(call, body);
                return Success(201, null);
            case "eviction":
                pods.Evict(call, body);
                return Success(201, null);
            default:
                return call.Type.Virtual ? new Answer(201, reviews.Review(call, body).Bytes()) : Of(call, verbs.Create(call, body));
        }
    }

    private static DeleteOptions OptionsOf(HttpRequest request, byte[] body, IReadOnlyDictionary<string, string> query) =>
        DeleteOptions.Read(body.Length == 0 ? null : Body.Object(request, body), query);

    private static Answer Of(Call call, Outcome outcome) => new(outcome.Code, outcome.Object!.FullBytes(call.Version));

    private static Answer Deleted(Call call, Outcome outcome) =>
        outcome.Object is { } stored ? new Answer(outcome.Code, stored.FullBytes(call.Version)) : Success(outcome.Code, call);

    private Answer DeletedAll(Call call, IReadOnlyDictionary<string, string> query, DeleteOptions options)
    {
        var selector = Selector.Parse(call.Type, query.GetValueOrDefault("labelSelector"), query.GetValueOrDefault("fieldSelector"));
        var all = verbs.DeleteCollection(call, options, selector.Matches);
        return new Answer(200, new Page(all, world.Version, null, null).Bytes(call.Version));
    }

    private static Answer Success(int code, Call? call)
    {
        var status = new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success" };
        if (call is not null)
        {
            var details = new JsonObject { ["name"] = call.Name, ["kind"] = call.Type.Plural };
            details.Put("group", call.Type.Group.Length == 0 ? null : call.Type.Group);
            status["details"] = details;
        }
        else
        {
            status["code"] = code;
        }

        return new Answer(code, status.Bytes());
    }
}
