using KvmAgent.Documents;

namespace KvmAgent.ConfigDrive;

/// <summary>
/// cloud-init's NoCloud. Without user-data or meta-data it does not take the drive at all, so both are always there.
/// What is YAML to it is written as JSON, which is YAML.
/// </summary>
internal static class NoCloudDrive
{
    public static IEnumerable<ConfigDriveFile> Files(ConfigDriveInput input, List<string> warnings)
    {
        yield return new ConfigDriveFile("meta-data", MetaData(new Metadata(input, openStackFirst: false, warnings)));
        yield return new ConfigDriveFile("user-data", CloudInitPart.UserData(input.UserData, warnings)?.Content ?? default);

        if (CloudInitPart.NotEmpty(input.VendorData, warnings) is { } vendorData)
        {
            yield return new ConfigDriveFile("vendor-data", vendorData.Content);
        }

        if (SourceDocument.Mapping(input.NetworkData) is { } network)
        {
            yield return new ConfigDriveFile("network-config", NetworkConfig(input.NetworkData!.Path, network));
        }
    }

    private static byte[] MetaData(Metadata metadata) => Json.Write(json =>
    {
        json.WriteStartObject();
        json.WriteString("instance-id", metadata.InstanceId);
        json.WriteString("local-hostname", metadata.HostName);
        if (metadata.PublicKeys.Count > 0)
        {
            json.WriteStartArray("public-keys");
            foreach (var key in metadata.PublicKeys.Values)
            {
                json.WriteStringValue(key);
            }

            json.WriteEndArray();
        }

        metadata.WriteRestTo(json);
        json.WriteEndObject();
    });

    /// <summary>Version 1 or 2, without the key "network" that netplan's own files have around it and old cloud-inits refuse.</summary>
    private static byte[] NetworkConfig(string file, YamlMapping network)
    {
        var config = network.Entries.GetValueOrDefault("network") as YamlMapping ?? network;
        return config.Entries.GetValueOrDefault("version") is YamlScalar { Text: "1" or "2" }
            ? config.ToJson()
            : throw YamlReader.Refused(
                file, config.At, "expected cloud-init's network configuration with version: 1 or 2; OpenStack's links and networks need CONFIG_DRIVE=openstack");
    }
}
