using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>What is done to pods through subresources of their own.</summary>
internal sealed class PodVerbs(World world, Verbs verbs)
{
    /// <summary>As a scheduler does.</summary>
    public void Bind(Call call, JsonObject binding)
    {
        lock (world.Gate)
        {
            var live = verbs.Get(call with { Subresource = "" });
            var node = binding.Text("target", "name");
            if (node is not { Length: > 0 })
            {
                throw ApiError.Invalid("", "Binding", call.Name, [Cause.Required("target.name")]);
            }

            if (live.Json.Text("spec", "nodeName") is { Length: > 0 } bound)
            {
                throw ApiError.Conflict(call.Type, call.Name, $"pod {call.Name} is already assigned to node \"{bound}\"");
            }

            if (live.Deleting)
            {
                throw ApiError.Conflict(call.Type, call.Name, $"pod {call.Name} is being deleted, cannot be assigned to a host");
            }

            var after = live.Full(call.Version);
            after.Object("spec")!["nodeName"] = node;
            verbs.Update(call, after);
        }
    }

    public Outcome Evict(Call call, JsonObject eviction)
    {
        lock (world.Gate)
        {
            var pod = verbs.Get(call with { Subresource = "" });
            var budgets = world.TypeOf("policy", "poddisruptionbudgets");
            var over = budgets.Table.All(call.Namespace).Where(b => Selector.Matches(b.Json.Object("spec", "selector"), pod.Labels)).ToList();

            // A budget that no controller has looked at allows nothing.
            if (pod.Json.Text("status", "phase") is not ("Succeeded" or "Failed" or "Pending") && over.FirstOrDefault(static b => (b.Json.Number("status", "disruptionsAllowed") ?? 0) <= 0) is { } budget)
            {
                throw new ApiError(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.")
                    .Because([new Cause("", "DisruptionBudget", $"The disruption budget {budget.Name} does not allow more disruptions now")]);
            }

            return verbs.Delete(call with { Subresource = "" }, DeleteOptions.Read(eviction.Object("deleteOptions"), new Dictionary<string, string>()));
        }
    }
}
