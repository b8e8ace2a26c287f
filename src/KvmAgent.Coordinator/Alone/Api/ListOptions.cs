using System.Globalization;
using System.Text;
using KvmAgent.Coordinator.Api;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Alone.Api;

/// <summary>What a list or a watch asks for, as metav1.ListOptions has it in a query.</summary>
/// <param name="Namespace">Null: all.</param>
/// <param name="Version">From which on is watched; null: from what is there now, told first.</param>
/// <param name="Continue">Behind whom a list goes on, and of which version its first page was.</param>
internal sealed record ListOptions(
    string? Namespace, LabelSelector Labels, IReadOnlyList<(string Field, string Value, bool Equal)> Fields, bool Watch, long? Version, TimeSpan? Timeout, int? Limit,
    (long Version, string Behind)? Continue)
{
    /// <exception cref="CoordinatorException">Something of it makes no sense, or is not supported.</exception>
    public static ListOptions Of(HttpRequest request, string? ns)
    {
        var query = request.Query;
        if (query["sendInitialEvents"] == "true")
        {
            // Clients that know this way fall back to a list where it is refused so.
            throw new CoordinatorException(FailureReason.Invalid, "sendInitialEvents: Forbidden: not supported here; list, then watch");
        }

        var version = Text(query, "resourceVersion") is { } text and not "0" ? Number(text, "resourceVersion") : (long?)null;
        return new ListOptions(
            ns,
            LabelSelector.Parse(Text(query, "labelSelector") ?? ""),
            [.. (Text(query, "fieldSelector") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Field)],
            Text(query, "watch") is "1" or "true",
            version,
            Text(query, "timeoutSeconds") is { } seconds ? TimeSpan.FromSeconds(Math.Min(Number(seconds, "timeoutSeconds"), 24 * 3600)) : null,
            Text(query, "limit") is { } limit and not "0" ? (int)Math.Min(Number(limit, "limit"), int.MaxValue) : null,
            Text(query, "continue") is { } token ? Decode(token) : null);
    }

    public static string Encode(long version, string behind) =>
        Convert.ToBase64String(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{version} {behind}")));

    public bool Selects(VirtualMachineInstance vm) =>
        (Namespace is null || vm.Metadata.Namespace == Namespace)
        && Labels.Matches(vm.Metadata.Labels)
        && Fields.All(f => (f.Field == "metadata.name" ? vm.Metadata.Name == f.Value : vm.Metadata.Namespace == f.Value) == f.Equal);

    private static (string Field, string Value, bool Equal) Field(string text)
    {
        var equal = !text.Contains("!=", StringComparison.Ordinal);
        var parts = text.Split(equal ? text.Contains("==", StringComparison.Ordinal) ? "==" : "=" : "!=", 2);
        return parts is ["metadata.name" or "metadata.namespace", var value]
            ? (parts[0], value, equal)
            : throw new CoordinatorException(FailureReason.BadRequest, $"fieldSelector \"{text}\" is not supported; metadata.name and metadata.namespace are");
    }

    private static (long Version, string Behind) Decode(string token)
    {
        try
        {
            if (Encoding.UTF8.GetString(Convert.FromBase64String(token)).Split(' ', 2) is [var version, var behind])
            {
                return (Number(version, "continue"), behind);
            }
        }
        catch (FormatException)
        {
            // As below.
        }

        throw new CoordinatorException(FailureReason.BadRequest, "continue is none of ours; begin the list anew");
    }

    private static long Number(string text, string name) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number
        : throw new CoordinatorException(FailureReason.BadRequest, $"{name}=\"{text}\" is no number");

    private static string? Text(IQueryCollection query, string name) => query[name].ToString() is { Length: > 0 } text ? text : null;
}
