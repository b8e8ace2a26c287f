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

    /// <summary>What the body is that is no JSON, which the route reads by itself.</summary>
    public string? RequestMedia { get; init; }

    /// <summary>What is answered as JSON; null: the route answers by itself.</summary>
    public required JsonTypeInfo? Answer { get; init; }

    /// <summary>What it answers then; null: nothing, or a WebSocket.</summary>
    public string? Media { get; init; }

    public bool IsSocket { get; init; }

    public int Status { get; init; } = 200;

    /// <summary>Names of the query's parameters, and what they are.</summary>
    public IReadOnlyList<(string Name, string Description)> Query { get; init; } = [];

    public required Func<RestRequest, Task<object?>> Run { get; init; }

    public static RestRoute Of<TAnswer>(
        string method, string path, string summary, JsonTypeInfo<TAnswer> answer, Func<RestRequest, Task<TAnswer>> run, bool changes = false)
        where TAnswer : class =>
        new(method, path, summary, changes) { Answer = answer, Run = async request => await run(request).ConfigureAwait(false) };

    /// <summary>A GET whose answer goes on: the route itself writes it, and ends with it.</summary>
    /// <param name="media">Null: a WebSocket.</param>
    public static RestRoute Stream(string path, string summary, string? media, Func<RestRequest, Task> run) => new("GET", path, summary, Changes: false)
    {
        Answer = null,
        Media = media,
        IsSocket = media is null,
        Status = media is null ? 101 : 200,
        Run = async request =>
        {
            await run(request).ConfigureAwait(false);
            return null;
        },
    };

    /// <summary>What reads its request and answers it by itself, without a body.</summary>
    public static RestRoute Raw(string method, string path, string summary, int status, Func<RestRequest, Task> run, bool changes = false) => new(method, path, summary, changes)
    {
        Answer = null,
        Status = status,
        Run = async request =>
        {
            await run(request).ConfigureAwait(false);
            return null;
        },
    };

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
