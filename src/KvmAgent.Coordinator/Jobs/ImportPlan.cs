using System.Text.Json.Nodes;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Jobs;

/// <summary>What is made to import an image: a DataVolume of it.</summary>
internal static class ImportPlan
{
    /// <summary>What an address begins with, and CDI's source for it.</summary>
    private static readonly (string Scheme, string Source)[] Sources = [("http", "http"), ("https", "http"), ("s3", "s3"), ("docker", "registry"), ("oci-archive", "registry")];

    /// <exception cref="CoordinatorException">The address or the size makes no sense.</exception>
    public static JobPlan Of(Provider provider, JobRequest asked, string ns, string name)
    {
        var url = asked.Url is { Length: > 0 } text && Uri.TryCreate(text, UriKind.Absolute, out var parsed) ? parsed
            : throw Wrong(asked.Url is null ? "url is missing; give the image's address, such as https://example.com/disk.qcow2" : $"url=\"{asked.Url}\" is no address; give one such as https://example.com/disk.qcow2");
        // An address is told to everybody who may see the job.
        var source = url.UserInfo.Length > 0 ? throw Wrong("url has a user in it; put accessKeyId and secretKey into a Secret, and name that in secret")
            : Sources.FirstOrDefault(s => s.Scheme == url.Scheme).Source
            ?? throw Wrong($"url=\"{asked.Url}\" is of a kind that is not imported; give http, https, s3 or docker");
        if (asked.Size is { } size && !(new Quantity(size).TryBytes(out var bytes) && bytes > 0))
        {
            throw Wrong($"size=\"{size}\" is no quantity; give one such as 10Gi, or leave it out");
        }

        var endpoint = new JsonObject { ["url"] = asked.Url };
        Set(endpoint, "secretRef", asked.Secret);
        Set(endpoint, "certConfigMap", asked.CertConfigMap);
        Set(endpoint, "checksum", asked.Checksum);
        var storage = new JsonObject();
        Set(storage, "storageClassName", asked.StorageClass ?? provider.StorageClass);
        if (asked.Size is not null)
        {
            storage["resources"] = new JsonObject { ["requests"] = new JsonObject { ["storage"] = asked.Size } };
        }

        return new JobPlan(
            JobKinds.Import, Kinds.DataVolumes.Kind, ns, name, url.GetLeftPart(UriPartial.Path), Kinds.DataVolumes.Path(ns),
            new JsonObject
            {
                ["apiVersion"] = Kinds.DataVolumes.ApiVersion,
                ["kind"] = Kinds.DataVolumes.Kind,
                ["metadata"] = new JsonObject
                {
                    ["name"] = name,
                    ["namespace"] = ns,
                    // An image is wanted now, and not only when a machine comes to use it.
                    ["annotations"] = new JsonObject { [ImportAnnotations.BindNow] = "true" },
                },
                ["spec"] = new JsonObject { ["source"] = new JsonObject { [source] = endpoint }, ["storage"] = storage },
            },
            $"{url.GetLeftPart(UriPartial.Path)} is being imported into DataVolume {ns}/{name}");
    }

    private static void Set(JsonObject json, string name, string? value)
    {
        if (value is { Length: > 0 })
        {
            json[name] = value;
        }
    }

    private static CoordinatorException Wrong(string message) => new(FailureReason.BadRequest, message);
}
