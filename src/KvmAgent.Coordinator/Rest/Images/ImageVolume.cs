using System.Text.Json.Nodes;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Rest.Images;

/// <summary>The DataVolume that somebody asks for: a pure function.</summary>
internal static class ImageVolume
{
    /// <summary>The source of a DataVolume, by the URL's scheme.</summary>
    private static readonly Dictionary<string, string> Sources = new()
    {
        ["http"] = "http",
        ["https"] = "http",
        ["s3"] = "s3",
        ["docker"] = "registry",
        ["oci"] = "registry",
    };

    /// <param name="storageClass">Where the request says none.</param>
    /// <exception cref="CoordinatorException">The request makes no sense.</exception>
    public static JsonObject Of(ImageRequest asked, string ns, string? storageClass)
    {
        if (!RestRequest.NamespaceName().IsMatch(ns) || !RestRequest.ObjectName().IsMatch(asked.Name))
        {
            throw Wrong($"\"{ns}/{asked.Name}\" is no name in Kubernetes: lower-case letters, digits and '-'");
        }

        if (asked.SizeBytes is <= 0)
        {
            throw Wrong($"size_bytes={asked.SizeBytes} is no size; give the disk's, in bytes");
        }

        if (asked.VolumeMode is not (null or PersistentVolumeClaim.Block or PersistentVolumeClaim.Filesystem))
        {
            throw Wrong($"volume_mode=\"{asked.VolumeMode}\" is not known; give {PersistentVolumeClaim.Block} or {PersistentVolumeClaim.Filesystem}");
        }

        var storage = new JsonObject();
        Set(storage, "storageClassName", asked.StorageClass ?? storageClass);
        Set(storage, "volumeMode", asked.VolumeMode);
        Set(storage, "accessModes", asked.AccessModes is { Count: > 0 } modes ? new JsonArray([.. modes.Select(static m => (JsonNode)m)]) : null);
        Set(storage, "resources", asked.SizeBytes is { } bytes ? new JsonObject { ["requests"] = new JsonObject { ["storage"] = $"{bytes}" } } : null);
        return new JsonObject
        {
            ["apiVersion"] = Kinds.DataVolumes.ApiVersion,
            ["kind"] = Kinds.DataVolumes.Kind,
            ["metadata"] = new JsonObject
            {
                ["name"] = asked.Name,
                ["namespace"] = ns,
                // An image is wanted now, and not only when a machine comes to use it.
                ["annotations"] = new JsonObject { [ImportAnnotations.BindNow] = "true" },
            },
            ["spec"] = new JsonObject { ["source"] = asked.Url is null ? Sent(asked) : Fetched(asked, asked.Url), ["storage"] = storage },
        };
    }

    private static JsonObject Sent(ImageRequest asked) =>
        asked.SizeBytes is null ? throw Wrong("size_bytes is missing; give the size of the disk that will be sent, or the url of one")
        : (asked.Checksum ?? asked.Secret ?? asked.CertConfigMap) is not null ? throw Wrong("checksum, secret and cert_config_map are for a url; leave them out, or give one")
        : new JsonObject { ["upload"] = new JsonObject() };

    private static JsonObject Fetched(ImageRequest asked, string text)
    {
        var url = Uri.TryCreate(text, UriKind.Absolute, out var parsed) ? parsed : null;
        if (url?.UserInfo.Length > 0)
        {
            // It is not repeated either: answers are in the audit log.
            throw Wrong("the url has a user in it, whom everybody would see who may see the volume; put user and password into a Secret, as accessKeyId and secretKey, and name it by secret");
        }

        if (url is null || !Sources.TryGetValue(url.Scheme, out var source))
        {
            throw Wrong($"url=\"{text}\" is none of an image; give one that begins with {string.Join(", ", Sources.Keys.Select(static s => $"{s}://"))}");
        }

        var endpoint = new JsonObject { ["url"] = text };
        Set(endpoint, "checksum", asked.Checksum);
        Set(endpoint, "secretRef", asked.Secret);
        Set(endpoint, "certConfigMap", asked.CertConfigMap);
        return new JsonObject { [source] = endpoint };
    }

    private static void Set(JsonObject json, string name, JsonNode? value)
    {
        if (value is not null)
        {
            json[name] = value;
        }
    }

    private static CoordinatorException Wrong(string text) => new(FailureReason.BadRequest, text);
}
