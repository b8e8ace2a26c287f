using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using KvmAgent.Coordinator.Hosting;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Rest.Access;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace KvmAgent.Coordinator.Rest;

/// <summary>A request of somebody who is known.</summary>
internal sealed partial record RestRequest(HttpContext Http, Caller Caller)
{
    public const int LongestBody = 1 << 20;

    public CancellationToken Cancel => Http.RequestAborted;

    /// <summary>The machine that the path names.</summary>
    /// <exception cref="CoordinatorException">It names none that there could be: nothing else must become a part of another path.</exception>
    public MachineKey Machine => new(NameOf("namespace", NamespaceName()), NameOf("name", ObjectName()));

    /// <returns>Null where it is not given.</returns>
    public string? Query(string name) => Http.Request.Query[name].ToString() is { Length: > 0 } value ? value : null;

    /// <summary>The body's JSON; of an empty one the defaults.</summary>
    public async Task<T> BodyAsync<T>(JsonTypeInfo<T> type)
        where T : class
    {
        using var text = await RequestBody.ReadAsync(Http.Request, LongestBody, Cancel).ConfigureAwait(false)
            ?? throw new CoordinatorException(FailureReason.BadRequest, $"the request's body is longer than {LongestBody >> 20} MiB");

        try
        {
            var json = text.Length == 0 ? "{}"u8 : text.GetBuffer().AsSpan(0, (int)text.Length);
            return JsonSerializer.Deserialize(json, type) ?? throw new CoordinatorException(FailureReason.BadRequest, "the request's body is null; send a JSON object");
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            // The latter where an object has a key twice.
            throw new CoordinatorException(FailureReason.BadRequest, $"the request's body is not understood: {e.Message}");
        }
    }

    private string NameOf(string parameter, Regex form)
    {
        var value = (string)Http.GetRouteValue(parameter)!;
        return form.IsMatch(value) ? value : throw new CoordinatorException(FailureReason.BadRequest, $"{parameter}=\"{value}\" is no name in Kubernetes: lower-case letters, digits and '-'");
    }

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\\z", RegexOptions.CultureInvariant)]
    public static partial Regex NamespaceName();

    [GeneratedRegex(@"^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z", RegexOptions.CultureInvariant)]
    public static partial Regex ObjectName();
}
