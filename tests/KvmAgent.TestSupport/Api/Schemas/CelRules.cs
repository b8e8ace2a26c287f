using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>
/// <c>x-kubernetes-validations</c>. CEL is not evaluated: a test registers what a rule's exact text means, and a
/// CustomResourceDefinition with any other rule is refused.
/// </summary>
internal sealed class CelRules(IReadOnlyDictionary<string, Func<JsonNode, JsonNode?, bool>> known)
{
    private const string Validations = "x-kubernetes-validations";

    public void RequireKnown(JsonNode? schema, string crd)
    {
        if (schema is JsonObject map)
        {
            foreach (var rule in (map[Validations] as JsonArray)?.Select(static r => r.Text("rule") ?? "") ?? [])
            {
                if (!known.ContainsKey(rule))
                {
                    throw ApiError.Unknown(
                        422, "Invalid", $"CustomResourceDefinition {crd} has the CEL rule `{rule}`, which is evaluated only if the test registers it in TestApiServerOptions.CelRules");
                }
            }

            foreach (var (_, value) in map)
            {
                RequireKnown(value, crd);
            }
        }
        else if (schema is JsonArray list)
        {
            foreach (var item in list)
            {
                RequireKnown(item, crd);
            }
        }
    }

    public IEnumerable<Cause> Broken(JsonNode self, JsonNode? oldSelf, JsonObject schema, string path)
    {
        foreach (var validation in (schema[Validations] as JsonArray)?.OfType<JsonObject>() ?? [])
        {
            var rule = validation.Text("rule") ?? "";

            // A rule of a change is asked only where there is one.
            if (rule.Contains("oldSelf", StringComparison.Ordinal) && oldSelf is null)
            {
                continue;
            }

            if (!known[rule](self, oldSelf))
            {
                var at = validation.Text("fieldPath") is { } field ? path + field : path;
                yield return Cause.Invalid(at.Length == 0 ? "<nil>" : at, "\"" + self.GetValueKind().ToString().ToLowerInvariant() + "\"", validation.Text("message") ?? $"failed rule: {rule}");
            }
        }
    }
}
