using System.Text.Json;
using System.Text.Json.Serialization;

namespace KvmAgent.Contracts.Rest;

/// <summary>The management API's shapes as JSON, in HyperSDK's house style: snake_case, times by RFC 3339.</summary>
[JsonSerializable(typeof(VmListRequest))]
[JsonSerializable(typeof(VmList))]
[JsonSerializable(typeof(VmDetails))]
[JsonSerializable(typeof(VmPowerRequest))]
[JsonSerializable(typeof(VmCreateRequest))]
[JsonSerializable(typeof(VmAnswer))]
[JsonSerializable(typeof(TemplateRequest))]
[JsonSerializable(typeof(TemplateParameterList))]
[JsonSerializable(typeof(VmChange))]
[JsonSerializable(typeof(RefreshRequest))]
[JsonSerializable(typeof(RefreshAnswer))]
[JsonSerializable(typeof(VmEventList))]
[JsonSerializable(typeof(MachineUsage))]
[JsonSerializable(typeof(HistoryList))]
[JsonSerializable(typeof(HistoryEvent))]
[JsonSerializable(typeof(HistoryPosition))]
[JsonSerializable(typeof(SessionAnswer))]
[JsonSerializable(typeof(NodeList))]
[JsonSerializable(typeof(ProviderListRequest))]
[JsonSerializable(typeof(ProviderList))]
[JsonSerializable(typeof(ProviderGetRequest))]
[JsonSerializable(typeof(ProviderDetails))]
[JsonSerializable(typeof(ProviderRequest))]
[JsonSerializable(typeof(VmCloneRequest))]
[JsonSerializable(typeof(VmCloneAnswer))]
[JsonSerializable(typeof(JobSubmitRequest))]
[JsonSerializable(typeof(JobSubmitAnswer))]
[JsonSerializable(typeof(JobQueryRequest))]
[JsonSerializable(typeof(JobList))]
[JsonSerializable(typeof(JobDetails))]
[JsonSerializable(typeof(JobCancelRequest))]
[JsonSerializable(typeof(JobCancelAnswer))]
[JsonSerializable(typeof(ImageRequest))]
[JsonSerializable(typeof(ImageList))]
[JsonSerializable(typeof(VolumeSummary))]
[JsonSerializable(typeof(VolumeList))]
[JsonSerializable(typeof(BuildRequest))]
[JsonSerializable(typeof(BuildSummary))]
[JsonSerializable(typeof(BuildList))]
[JsonSerializable(typeof(ImageUseList))]
[JsonSerializable(typeof(RestError))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
public sealed partial class RestJson : JsonSerializerContext
{
    /// <summary>For the server: a field that it does not know, or that is there twice, is somebody's mistake. A client passes over those that a newer server tells.</summary>
    public static RestJson Strict { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
    });
}
