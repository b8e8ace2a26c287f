using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Kubernetes.Tests.Support;

/// <summary>One lease with optimistic concurrency, and clients that can be cut off (told apart by their tokens).</summary>
internal sealed class LeaseServer
{
    private readonly Lock _gate = new();
    private JsonObject? _lease;
    private int _version;

    /// <summary>The token of the client that gets no answers; null: none.</summary>
    public volatile string? Silent;

    /// <summary>The token of the client whose connections break.</summary>
    public volatile string? Broken;

    public JsonObject? Lease
    {
        get
        {
            lock (_gate)
            {
                return _lease?.DeepClone().AsObject();
            }
        }
    }

    public void Write(Action<JsonObject> change)
    {
        lock (_gate)
        {
            change(_lease!);
            Stamp(_lease!);
        }
    }

    public Task AnswerAsync(Asked asked, HttpContext context)
    {
        if (asked.Authorization == $"Bearer {Silent}")
        {
            return context.Hang();
        }

        if (asked.Authorization == $"Bearer {Broken}")
        {
            context.Abort();
            return Task.CompletedTask;
        }

        lock (_gate)
        {
            var body = asked.Body.Length > 0 ? JsonNode.Parse(asked.Body)!.AsObject() : null;
            switch (asked.Method)
            {
                case "POST" when _lease is not null:
                    return context.Fail(409, "AlreadyExists");
                case "PUT" when body!["metadata"]!["resourceVersion"]!.GetValue<string>() != _version.ToString():
                    return context.Fail(409, "Conflict");
                case "POST" or "PUT":
                    _lease = body!;
                    Stamp(_lease);
                    break;
            }

            return _lease is null ? context.Fail(404, "NotFound") : context.Answer(200, _lease.ToJsonString());
        }
    }

    private void Stamp(JsonObject lease) => lease["metadata"]!["resourceVersion"] = (++_version).ToString();
}
