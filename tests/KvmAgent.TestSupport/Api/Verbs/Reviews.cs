using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>Requests that are answered and not kept: who a token is, who may do what, a service account's new token.</summary>
internal sealed class Reviews(World world, Users users)
{
    /// <summary>Decides a SubjectAccessReview by its spec; null: masters and the admin may, others may not.</summary>
    public Func<JsonObject, bool>? Access { get; set; }

    public JsonObject Review(Call call, JsonObject body)
    {
        var spec = body.Object("spec") ?? throw ApiError.Invalid(call.Type, "", Cause.Required("spec"));
        body["status"] = call.Type.Kind switch
        {
            "TokenReview" => Token(call, spec),
            "SubjectAccessReview" => Allowed(call, spec),
            _ => Allowed(call, Self(spec, call.User)),
        };
        body.Metadata()["creationTimestamp"] = null;
        return body;
    }

    public JsonObject Request(Call call, JsonObject body)
    {
        lock (world.Gate)
        {
            var account = call.Type.Table.Find(call.Namespace, call.Name) ?? throw ApiError.NotFound(call.Type, call.Name);
            var spec = body.Object("spec") ?? [];
            var seconds = spec.Number("expirationSeconds") ?? 3600;
            if (seconds < 600)
            {
                throw ApiError.Invalid("authentication.k8s.io", "TokenRequest", call.Name, [Cause.Invalid("spec.expirationSeconds", $"{seconds}", "may not specify a duration less than 10 minutes")]);
            }

            (string, string)? pod = null;
            if (spec.Object("boundObjectRef") is { } bound)
            {
                var pods = world.TypeOf("", "pods");
                var found = pods.Table.Find(call.Namespace, bound.Text("name") ?? "") ?? throw ApiError.NotFound(pods, bound.Text("name") ?? "");
                if (bound.Text("uid") is { Length: > 0 } uid && uid != found.Uid)
                {
                    throw ApiError.Conflict(pods, found.Name, $"the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated");
                }

                pod = (found.Name, found.Uid);
            }

            var (token, expires) = users.AddServiceAccount(call.Namespace, call.Name, account.Uid, [.. spec.Texts("audiences")], pod, TimeSpan.FromSeconds(seconds));
            body["status"] = new JsonObject { ["token"] = token, ["expirationTimestamp"] = World.Rfc3339(expires) };
            return body;
        }
    }

    private JsonObject Token(Call call, JsonObject spec)
    {
        if (spec.Text("token") is not { Length: > 0 } token)
        {
            throw ApiError.Invalid(call.Type, "", Cause.Required("spec.token"));
        }

        var wanted = spec.Texts("audiences").ToList();
        wanted = wanted.Count == 0 ? [Users.ServerAudience] : wanted;
        if (users.Find(token, out var why) is not { } known)
        {
            return new JsonObject { ["user"] = new JsonObject(), ["error"] = $"[{why}]" };
        }

        var both = wanted.Intersect(known.Audiences).ToList();
        if (both.Count == 0)
        {
            return new JsonObject
            {
                ["user"] = new JsonObject(),
                ["error"] = $"token audiences [\"{string.Join("\" \"", known.Audiences)}\"] is invalid for the target audiences [\"{string.Join("\" \"", wanted)}\"]",
            };
        }

        var user = new JsonObject { ["username"] = known.User.Name, ["groups"] = Json.List(known.User.Groups) };
        user.Put("uid", known.User.Uid.Length == 0 ? null : known.User.Uid);
        user.Put("extra", known.User.Extra.Count == 0 ? null : new JsonObject(known.User.Extra.Select(static e => KeyValuePair.Create(e.Key, (JsonNode?)Json.List(e.Value)))));
        return new JsonObject { ["authenticated"] = true, ["user"] = user, ["audiences"] = Json.List(both) };
    }

    private JsonObject Allowed(Call call, JsonObject spec)
    {
        if (spec.Text("user") is not { Length: > 0 } && !spec.Texts("groups").Any())
        {
            throw ApiError.Invalid(call.Type, "", Cause.Required("spec.user", "at least one of user or group must be specified"));
        }

        if (spec["resourceAttributes"] is null == spec["nonResourceAttributes"] is null)
        {
            throw ApiError.Invalid(call.Type, "", Cause.Invalid("spec.resourceAttributes", null, "exactly one of nonResourceAttributes or resourceAttributes must be specified"));
        }

        var allowed = Access?.Invoke(spec.Clone()) ?? (spec.Texts("groups").Contains("system:masters") || spec.Text("user") == TestApiServer.AdminUser);
        return new JsonObject { ["allowed"] = allowed, ["reason"] = allowed ? "allowed by the test" : "no rule of the test allows it" };
    }

    private static JsonObject Self(JsonObject spec, Identity user)
    {
        var full = spec.Clone();
        full["user"] = user.Name;
        full["groups"] = Json.List(user.Groups);
        return full;
    }
}
