using System.Text.Json.Serialization.Metadata;

namespace KvmAgent.Coordinator.Rest;

/// <summary>One thing that can be asked of the management API.</summary>
/// <param name="Path">With its parameters in braces: <c>/kubevirt/vms/{namespace}/{name}</c>.</param>
/// <param name="Summary">For the OpenAPI document.</param>
/// <param name="Changes">Whether it changes something: then it is in the audit log.</param>
internal sealed record RestRoute(string Method, string Path, string Summary, bool Changes)
{
    /// <summary>What is read of the body; null: nothing.</summary>
    public JsonTypeInfo? Request { get; init; }

    public required JsonTypeInfo Answer { get; init; }

    public int Status { get; init; } = 200;

    /// <summary>Names of the query's parameters, and what they are.</summary>
    public IReadOnlyList<(string Name, string Description)> Query { get; init; } = [];

    public required Func<RestRequest, Task<object>> Run { get; init; }

    public static RestRoute Of<TAnswer>(
        string method, string path, string summary, JsonTypeInfo<TAnswer> answer, Func<RestRequest, Task<TAnswer>> run, bool changes = false)
        where TAnswer : class =>
        new(method, path, summary, changes) { Answer = answer, Run = async request => await run(request).ConfigureAwait(false) };

    /// <param name="request">Where the body is empty it is as if it were <c>{}</c>.</param>
    public static RestRoute Of<TRequest, TAnswer>(
        string method, string path, string summary, JsonTypeInfo<TRequest> request, JsonTypeInfo<TAnswer> answer,
        Func<RestRequest, TRequest, Task<TAnswer>> run, bool changes = true)
        where TRequest : class
        where TAnswer : class =>
        new(method, path, summary, changes)
        {
            Request = request,
            Answer = answer,
            Run = async asked => await run(asked, await asked.BodyAsync(request).ConfigureAwait(false)).ConfigureAwait(false),
        };
}
