namespace KvmAgent.Contracts.Link;

/// <summary>What an importer's pod tells its coordinator by plain requests, with its pod's token as bearer.</summary>
public static class ImporterProtocol
{
    /// <summary>Below the coordinator's URL: POST of an <see cref="ImportProgress"/>, answered with 204.</summary>
    public const string ProgressPath = "/importers/v1/progress";

    /// <summary>
    /// Below the coordinator's URL: GET, which is answered once somebody sends the claim's image, with its bytes. An importer asks each replica,
    /// for whoever sends comes to any, and again where not all of them came.
    /// </summary>
    public const string UploadPath = "/importers/v1/upload";

    /// <summary>
    /// As tus 1.0.0 names it. Asked with: how many bytes the importer has already. Answered with: where these begin, which is there or, where all of
    /// it is sent anew, 0.
    /// </summary>
    public const string UploadOffset = "Upload-Offset";

    /// <summary>Of all of it; absent where that is not known.</summary>
    public const string UploadLength = "Upload-Length";
}

/// <param name="Percent">0 to 100.</param>
public sealed record ImportProgress(int Percent);
