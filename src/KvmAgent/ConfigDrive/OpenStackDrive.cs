using System.Buffers.Text;
using KvmAgent.Documents;
using YamlDotNet.Core;

namespace KvmAgent.ConfigDrive;

/// <summary>
/// OpenStack's config drive, version 2, in the directory "latest" alone: a dated one would win over it, and cloudbase-init and
/// Ignition read only this. cloud-init's reader (sources/helpers/openstack.py) throws the drive away as a whole if one file of it
/// is broken, hence the checks.
/// </summary>
internal static class OpenStackDrive
{
    private const string Latest = "openstack/latest/";

    public static IEnumerable<ConfigDriveFile> Files(ConfigDriveInput input, List<string> warnings)
    {
        yield return new ConfigDriveFile(Latest + "meta_data.json", MetaData(new Metadata(input, openStackFirst: true, warnings)));

        if (CloudInitPart.UserData(input.UserData, warnings) is { } userData)
        {
            yield return new ConfigDriveFile(Latest + "user_data", userData.Content);
        }

        if (CloudInitPart.NotEmpty(input.VendorData, warnings) is { } vendorData)
        {
            yield return new ConfigDriveFile(Latest + "vendor_data.json", VendorData(vendorData, warnings));
        }

        if (SourceDocument.Mapping(input.NetworkData) is { } network)
        {
            yield return new ConfigDriveFile(Latest + "network_data.json", NetworkData(input.NetworkData!.Path, network));
        }
    }

    private static byte[] MetaData(Metadata metadata)
    {
        metadata.Require("random_seed", node => node is YamlScalar scalar && Base64.IsValid(scalar.Text), "expected base64");
        metadata.Require("files", node => node is YamlSequence { Items.Count: 0 }, "this drive has no further files; use write_files in the user data");
        metadata.Require("network_config", _ => false, "this drive has no further files; mount the network data by itself (NETWORKDATA_FILE)");
        return Json.Write(json =>
        {
            json.WriteStartObject();
            json.WriteString("uuid", metadata.InstanceId);
            json.WriteString("hostname", metadata.HostName);
            if (metadata.PublicKeys.Count > 0)
            {
                json.WriteStartObject("public_keys");
                foreach (var (name, key) in metadata.PublicKeys)
                {
                    json.WriteString(name, key);
                }

                json.WriteEndObject();
            }

            metadata.WriteRestTo(json);
            json.WriteEndObject();
        });
    }

    /// <summary>cloud-init takes what is under the key "cloud-init"; a script or #cloud-config is put there.</summary>
    private static byte[] VendorData(SourceFile file, List<string> warnings)
    {
        const string key = "cloud-init";
        if (CloudInitPart.IsGzip(file))
        {
            throw new AgentException(FailureReason.Refused, $"{file.Path} is compressed, which JSON cannot hold; give it uncompressed");
        }

        if (CloudInitPart.IsText(file))
        {
            return Json.Write(json =>
            {
                json.WriteStartObject();
                json.WriteString(key, file.Text());
                json.WriteEndObject();
            });
        }

        var vendorData = SourceDocument.Mapping(file) ?? new YamlMapping(Mark.Empty, []);
        if (!vendorData.Entries.ContainsKey(key))
        {
            warnings.Add($"{file.Path} has no key {key} and does not begin with #cloud-config or #!, so cloud-init takes nothing of it");
        }

        return vendorData.ToJson();
    }

    private static byte[] NetworkData(string file, YamlMapping network)
    {
        string[] netplan = ["network", "version", "ethernets"];
        return netplan.FirstOrDefault(network.Entries.ContainsKey) is not { } key
            ? network.ToJson()
            : throw YamlReader.Refused(
                file, network.Entries[key].At, $"\"{key}\" belongs to cloud-init's or netplan's network configuration; expected OpenStack's links, networks and services, or set CONFIG_DRIVE=nocloud");
    }
}
