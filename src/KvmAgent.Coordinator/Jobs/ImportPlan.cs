using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest.Images;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Jobs;

/// <summary>What is made to import an image: a DataVolume of it.</summary>
internal static class ImportPlan
{
    /// <exception cref="CoordinatorException">The address or the size makes no sense.</exception>
    public static JobPlan Of(Provider provider, JobRequest asked, string ns, string name)
    {
        var url = asked.Url ?? throw Wrong("url is missing; give the image's address, such as https://example.com/disk.qcow2");
        var volume = ImageVolume.Of(
            new ImageRequest
            {
                Name = name,
                Url = url,
                SizeBytes = SizeOf(asked.Size),
                StorageClass = asked.StorageClass,
                Checksum = asked.Checksum,
                Secret = asked.Secret,
                CertConfigMap = asked.CertConfigMap,
            },
            ns,
            provider.StorageClass);
        // An address is told to everybody who may see the job; what may be a password in it is left out.
        var source = new Uri(url).GetLeftPart(UriPartial.Path);
        return new JobPlan(
            JobKinds.Import, Kinds.DataVolumes.Kind, ns, name, source, Kinds.DataVolumes.Path(ns), volume, $"{source} is being imported into DataVolume {ns}/{name}");
    }

    private static long? SizeOf(string? size) => size is null ? null
        : new Quantity(size).TryBytes(out var bytes) && bytes > 0 ? bytes
        : throw Wrong($"size=\"{size}\" is no quantity; give one such as 10Gi, or leave it out");

    private static CoordinatorException Wrong(string message) => new(FailureReason.BadRequest, message);
}
