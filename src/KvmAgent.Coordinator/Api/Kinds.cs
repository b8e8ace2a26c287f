using System.Text.Json.Serialization;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Api;

/// <summary>The kinds of KubeVirt's that the coordinator realises.</summary>
internal static class Kinds
{
    public const string Group = "kubevirt.io", Version = "v1", InstancetypeGroup = "instancetype.kubevirt.io", InstancetypeVersion = "v1beta1",
        ImporterGroup = "cdi.kubevirt.io", ImporterVersion = "v1beta1";

    public static readonly ResourceKind<VirtualMachine> VirtualMachines =
        new(Group, Version, "virtualmachines", "VirtualMachine", true, ApiJson.Default.VirtualMachine);

    public static readonly ResourceKind<VirtualMachineInstance> VirtualMachineInstances =
        new(Group, Version, "virtualmachineinstances", "VirtualMachineInstance", true, ApiJson.Default.VirtualMachineInstance);

    public static readonly ResourceKind<VirtualMachineInstanceMigration> Migrations = new(
        Group, Version, "virtualmachineinstancemigrations", "VirtualMachineInstanceMigration", true, ApiJson.Default.VirtualMachineInstanceMigration);

    public static readonly ResourceKind<VirtualMachineInstancetype> Instancetypes = new(
        InstancetypeGroup, InstancetypeVersion, "virtualmachineinstancetypes", "VirtualMachineInstancetype", true,
        ApiJson.Default.VirtualMachineInstancetype);

    public static readonly ResourceKind<VirtualMachineClusterInstancetype> ClusterInstancetypes = new(
        InstancetypeGroup, InstancetypeVersion, "virtualmachineclusterinstancetypes", "VirtualMachineClusterInstancetype", false,
        ApiJson.Default.VirtualMachineClusterInstancetype);

    public static readonly ResourceKind<VirtualMachinePreference> Preferences = new(
        InstancetypeGroup, InstancetypeVersion, "virtualmachinepreferences", "VirtualMachinePreference", true,
        ApiJson.Default.VirtualMachinePreference);

    public static readonly ResourceKind<VirtualMachineClusterPreference> ClusterPreferences = new(
        InstancetypeGroup, InstancetypeVersion, "virtualmachineclusterpreferences", "VirtualMachineClusterPreference", false,
        ApiJson.Default.VirtualMachineClusterPreference);

    public static readonly ResourceKind<DataVolume> DataVolumes =
        new(ImporterGroup, ImporterVersion, "datavolumes", "DataVolume", true, ApiJson.Default.DataVolume);

    public static readonly ResourceKind<DataSource> DataSources =
        new(ImporterGroup, ImporterVersion, "datasources", "DataSource", true, ApiJson.Default.DataSource);

    public static readonly ResourceKind<DataImportCron> DataImportCrons =
        new(ImporterGroup, ImporterVersion, "dataimportcrons", "DataImportCron", true, ApiJson.Default.DataImportCron);

    public static readonly ResourceKind<CdiConfig> CdiConfigs =
        new(ImporterGroup, ImporterVersion, "cdiconfigs", "CDIConfig", false, ApiJson.Default.CdiConfig);
}

[JsonSerializable(typeof(VirtualMachine))]
[JsonSerializable(typeof(VirtualMachineInstance))]
[JsonSerializable(typeof(VirtualMachineInstanceMigration))]
[JsonSerializable(typeof(VirtualMachineInstancetype))]
[JsonSerializable(typeof(VirtualMachineClusterInstancetype))]
[JsonSerializable(typeof(VirtualMachinePreference))]
[JsonSerializable(typeof(VirtualMachineClusterPreference))]
[JsonSerializable(typeof(DataVolume))]
[JsonSerializable(typeof(DataSource))]
[JsonSerializable(typeof(DataImportCron))]
[JsonSerializable(typeof(CdiConfig))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(PooledStringConverter)])]
internal sealed partial class ApiJson : JsonSerializerContext;
