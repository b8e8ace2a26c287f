namespace KvmAgent.Contracts.Rest;

/// <summary>A volume to be made of an image: of <see cref="Url"/>'s, or without one of what is sent to it then.</summary>
public sealed record ImageRequest
{
    /// <summary>Of the volume.</summary>
    public required string Name { get; init; }

    /// <summary>Without it the provider's.</summary>
    public string? Namespace { get; init; }

    /// <summary>The provider's name; without it the coordinator's own cluster.</summary>
    public string? Provider { get; init; }

    /// <summary>Where the image is: <c>http</c>, <c>https</c>, <c>s3</c>, <c>docker</c> or <c>oci</c>; without a user, which belongs into <see cref="Secret"/>.</summary>
    public string? Url { get; init; }

    /// <summary>The disk's size; without it that of the URL's disk.</summary>
    public long? SizeBytes { get; init; }

    /// <summary>Without it the provider's, or the cluster's own choice.</summary>
    public string? StorageClass { get; init; }

    /// <summary><c>ReadWriteOnce</c> and so on; without them what the cluster usually gives.</summary>
    public IReadOnlyList<string>? AccessModes { get; init; }

    /// <summary><c>Block</c> or <c>Filesystem</c>.</summary>
    public string? VolumeMode { get; init; }

    /// <summary>Of what the URL has: <c>sha256:…</c>.</summary>
    public string? Checksum { get; init; }

    /// <summary>A Secret of the namespace with <c>accessKeyId</c> and <c>secretKey</c>.</summary>
    public string? Secret { get; init; }

    /// <summary>A ConfigMap of the namespace with certificates of authorities.</summary>
    public string? CertConfigMap { get; init; }
}

/// <summary>How an image is sent: the core of tus 1.0.0 (https://tus.io/protocols/resumable-upload).</summary>
public static class ImageUploads
{
    public const string VersionHeader = "Tus-Resumable", Version = "1.0.0", Offset = Link.ImporterProtocol.UploadOffset, Length = Link.ImporterProtocol.UploadLength, Media = "application/offset+octet-stream";
}

/// <summary>An image that machines or volumes are made of.</summary>
public sealed record ImageSummary
{
    public required string Provider { get; init; }

    /// <summary>As a URL: <c>docker://quay.io/containerdisks/fedora:41</c>, <c>https://…</c>.</summary>
    public required string Image { get; init; }

    /// <summary>Machines that have it as a container disk, as what their disk lies over, or that use one of <see cref="Volumes"/>: <c>namespace/name</c>.</summary>
    public IReadOnlyList<string> Machines { get; init; } = [];

    /// <summary>Volumes that are filled with it: <c>namespace/name</c>.</summary>
    public IReadOnlyList<string> Volumes { get; init; } = [];
}

/// <param name="Images">By their URL.</param>
public sealed record ImageList(IReadOnlyList<ImageSummary> Images, int Total, DateTimeOffset Timestamp);
