namespace KvmAgent.Contracts.Link;

/// <summary>What an importer's pod tells its coordinator by plain requests, with its pod's token as bearer.</summary>
public static class ImporterProtocol
{
    /// <summary>Below the coordinator's URL: POST of an <see cref="ImportProgress"/>, answered with 204.</summary>
    public const string ProgressPath = "/importers/v1/progress";

    /// <summary>
    /// Below the coordinator's URL: GET, which is answered once somebody sends the claim's image, with its bytes. An importer asks each replica,
    /// for whoever sends comes to any.
    /// </summary>
    public const string UploadPath = "/importers/v1/upload";
}

/// <param name="Percent">0 to 100.</param>
public sealed record ImportProgress(int Percent);
