using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>One line of <c>details.causes</c>.</summary>
internal sealed record Cause(string Field, string Reason, string Message)
{
    public static Cause Required(string field, string more = "") => new(field, "FieldValueRequired", "Required value" + (more.Length == 0 ? "" : ": " + more));

    public static Cause Invalid(string field, string? value, string why) => new(field, "FieldValueInvalid", $"Invalid value: {value ?? "null"}: {why}");

    public static Cause Forbidden(string field, string why) => new(field, "FieldValueForbidden", $"Forbidden: {why}");
}

/// <summary>A request that fails: what becomes a metav1.Status with <c>status: Failure</c>.</summary>
internal sealed class ApiError(int code, string reason, string message) : Exception(message)
{
    public int Code => code;

    public string Reason => reason;

    public JsonObject Details { get; } = [];

    public string? Continue { get; init; }

    /// <summary>No well-behaved client asks so: the test fails unless it expected this.</summary>
    public bool Complaint { get; init; }

    /// <summary>The answer is no Status, but a text.</summary>
    public bool IsText { get; private init; }

    public JsonObject ToStatus()
    {
        var metadata = new JsonObject();
        metadata.Put("continue", Continue);
        var status = new JsonObject
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = metadata,
            ["status"] = "Failure",
            ["message"] = Message,
            ["reason"] = reason,
            ["details"] = Details.Clone(),
            ["code"] = code,
        };
        if (Details.Count == 0)
        {
            status.Remove("details");
        }

        return status;
    }

    public static ApiError NotFound(ResourceType type, string name) =>
        new ApiError(404, "NotFound", $"{type.Qualified} \"{name}\" not found").About(type, name);

    public static ApiError AlreadyExists(ResourceType type, string name) =>
        new ApiError(409, "AlreadyExists", $"{type.Qualified} \"{name}\" already exists").About(type, name);

    public static ApiError Conflict(ResourceType type, string name, string why) =>
        new ApiError(409, "Conflict", $"Operation cannot be fulfilled on {type.Qualified} \"{name}\": {why}").About(type, name);

    public static ApiError Stale(ResourceType type, string name) =>
        Conflict(type, name, "the object has been modified; please apply your changes to the latest version and try again");

    public static ApiError Forbidden(ResourceType type, string name, string why) =>
        new ApiError(403, "Forbidden", $"{type.Qualified} \"{name}\" is forbidden: {why}").About(type, name);

    public static ApiError Invalid(string group, string kind, string name, IReadOnlyCollection<Cause> causes)
    {
        var said = string.Join(", ", causes.Select(static c => $"{c.Field}: {c.Message}"));
        var error = new ApiError(422, "Invalid", $"{(group.Length == 0 ? kind : $"{kind}.{group}")} \"{name}\" is invalid: {(causes.Count > 1 ? $"[{said}]" : said)}");
        error.About(name, group, kind);
        return error.Because(causes);
    }

    public static ApiError Invalid(ResourceType type, string name, params IReadOnlyCollection<Cause> causes) => Invalid(type.Group, type.Kind, name, causes);

    public static ApiError BadRequest(string message) => new(400, "BadRequest", message);

    public static ApiError Expired(string message) => new(410, "Expired", message);

    /// <summary>Something that this server does not know, or that the real one would pass over in silence.</summary>
    public static ApiError Unknown(int code, string reason, string message) => new(code, reason, message) { Complaint = true };

    public static ApiError UnknownPath(string path) =>
        Unknown(404, "NotFound", $"the server could not find the requested resource: {path} is nothing that this server has");

    /// <summary>A kind that the server does not have: its router answers, not the API.</summary>
    public static ApiError NoSuchKind() => new(404, "", "404 page not found\n") { IsText = true };

    public ApiError Because(IEnumerable<Cause> causes)
    {
        Details["causes"] = new JsonArray([.. causes.Select(static c => new JsonObject { ["reason"] = c.Reason, ["message"] = c.Message, ["field"] = c.Field })]);
        return this;
    }

    private ApiError About(ResourceType type, string name) => About(name, type.Group, type.Plural);

    private ApiError About(string name, string group, string kind)
    {
        Details.Put("name", name.Length == 0 ? null : name);
        Details.Put("group", group.Length == 0 ? null : group);
        Details["kind"] = kind;
        return this;
    }
}
