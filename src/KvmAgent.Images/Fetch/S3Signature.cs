using Amazon;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Amazon.Util;

namespace KvmAgent.Images.Fetch;

/// <summary>
/// Signs the address of an object by AWS' SDK, which is used for nothing else and by nobody else: it is not loaded before an S3 source is.
/// </summary>
/// <remarks>
/// Where a setting is left to it, the SDK looks into its own variables and into ~/.aws, so that a file of whoever built the container could
/// lead the request elsewhere. Every setting that is read on the way to a signature is therefore given a value here.
/// </remarks>
internal static class S3Signature
{
    /// <summary>The most that SigV4 allows.</summary>
    private static readonly TimeSpan Expiry = TimeSpan.FromDays(7);

    // Its client-side metrics would go to a local port by UDP; whether they do is asked of the same files.
    static S3Signature() => AWSConfigs.CSMConfig = new CSMConfig { CSMEnabled = false };

    /// <param name="endpoint">The server, without bucket.</param>
    /// <param name="pathStyle">Whether the bucket goes into the path rather than before the host's name.</param>
    /// <param name="region">What is signed for.</param>
    /// <param name="bucket">Its name.</param>
    /// <param name="key">As it is, not escaped.</param>
    /// <param name="access">The keys.</param>
    /// <param name="now">The time of the signature.</param>
    /// <returns>The address with the signature in its query.</returns>
    public static Uri Sign(Uri endpoint, bool pathStyle, string region, string bucket, string key, SourceAccess access, DateTimeOffset now)
    {
        var config = new AmazonS3Config
        {
            ServiceURL = endpoint.GetLeftPart(UriPartial.Authority),
            AuthenticationRegion = region,
            ForcePathStyle = pathStyle,
            IgnoreConfiguredEndpointUrls = true,
            UseFIPSEndpoint = false,
            UseDualstackEndpoint = false,
            UseArnRegion = false,
            DisableMultiregionAccessPoints = true,
            DisableS3ExpressSessionAuth = true,
            USEast1RegionalEndpointValue = S3UsEast1RegionalEndpointValue.Regional,
            DefaultConfigurationMode = DefaultConfigurationMode.Standard,
            RetryMode = RequestRetryMode.Standard,
            MaxErrorRetry = 0,
            DisableRequestCompression = true,
            RequestMinCompressionSizeBytes = 0,
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            AccountIdEndpointMode = AccountIdEndpointMode.DISABLED,
            ClientAppId = "",
        };
        AWSCredentials keys = access.BearerToken is { } token
            ? new SessionAWSCredentials(access.User, access.Password, token)
            : new BasicAWSCredentials(access.User, access.Password);
        using var client = new AmazonS3Client(keys, config);
        return new Uri(client.GetPreSignedURL(new GetPreSignedUrlRequest
        {
            BucketName = bucket,
            Key = key,
            Verb = HttpVerb.GET,
            Expires = (now + Expiry).UtcDateTime,
            Protocol = endpoint.Scheme == "http" ? Protocol.HTTP : Protocol.HTTPS,
        }));
    }
}
