using System.Buffers.Text;
using System.Text;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Coordinator.Inventory;

/// <summary>Which lines a list shows, and how many of them at a time.</summary>
internal sealed class VmQuery(VmListRequest request)
{
    public const int UsualLimit = 100, MostLimit = 1000;

    private readonly int _limit = request.Limit switch
    {
        null => UsualLimit,
        >= 1 and <= MostLimit => request.Limit.Value,
        _ => throw new CoordinatorException(FailureReason.BadRequest, $"limit={request.Limit} is not possible; give a number from 1 to {MostLimit}, or nothing for {UsualLimit}"),
    };

    private readonly string? _behind = request.Continue is null ? null : Decode(request.Continue);

    private readonly string? _powerState = request.PowerState is null or PowerStates.Running or PowerStates.Paused or PowerStates.Starting or PowerStates.Stopping
        or PowerStates.Stopped or PowerStates.Failed or PowerStates.Unknown ? request.PowerState
        : throw new CoordinatorException(FailureReason.BadRequest, $"power_state=\"{request.PowerState}\" is not known; give running, paused, starting, stopping, stopped, failed or unknown");

    /// <param name="lines">Those of the place that is asked for: by provider, namespace and name.</param>
    public VmList Of(IEnumerable<VmSummary> lines, DateTimeOffset now)
    {
        var page = new List<VmSummary>();
        var total = 0;
        var more = false;
        foreach (var line in lines.Where(Selects))
        {
            total++;
            if (_behind is not null && string.CompareOrdinal(OrderOf(line), _behind) <= 0)
            {
                continue;
            }

            more = page.Count == _limit;
            if (!more)
            {
                page.Add(line);
            }
        }

        return new VmList(page, total, now, more ? Base64Url.EncodeToString(Encoding.UTF8.GetBytes(OrderOf(page[^1]))) : null);
    }

    private bool Selects(VmSummary line) =>
        (_powerState is null || line.PowerState == _powerState)
        && (request.Labels is null || request.Labels.All(label => line.Labels.TryGetValue(label.Key, out var value) && value == label.Value))
        && (request.Search is not { Length: > 0 } search
            || line.Id.Contains(search, StringComparison.OrdinalIgnoreCase)
            || line.IpAddresses.Any(a => a.Contains(search, StringComparison.OrdinalIgnoreCase)));

    /// <summary>As the table is ordered: a namespace's end counts before every letter.</summary>
    private static string OrderOf(VmSummary line) => $"{line.Provider}\0{line.Namespace}\0{line.Name}";

    private static string Decode(string text)
    {
        try
        {
            return Encoding.UTF8.GetString(Base64Url.DecodeFromChars(text));
        }
        catch (FormatException)
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"continue=\"{text}\" is none that a list told; begin without it");
        }
    }
}
