using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace KvmAgent.TestSupport.Api;

/// <summary>metav1.MicroTime: six digits of a second, neither more (as .NET writes by itself) nor fewer.</summary>
internal static partial class MicroTimes
{
    public static IEnumerable<Cause> CheckLease(JsonObject lease)
    {
        foreach (var field in (string[])["acquireTime", "renewTime"])
        {
            if (lease.At("spec", field) is { } time && (time.Text() is not { } text || !Form().IsMatch(text)))
            {
                throw ApiError.Unknown(
                    400, "BadRequest",
                    $"Lease in version \"v1\" cannot be handled as a Lease: parsing time {time.ToJsonString()} as \"2006-01-02T15:04:05.000000Z07:00\" (spec.{field})");
            }
        }

        if (lease.Number("spec", "leaseDurationSeconds") is <= 0 and var duration)
        {
            yield return Cause.Invalid("spec.leaseDurationSeconds", $"{duration}", "must be greater than 0");
        }
    }

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)\z")]
    private static partial Regex Form();
}
