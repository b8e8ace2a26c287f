using System.Text.Json;
using System.Text.Json.Serialization;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Api;

/// <summary>The machine's hardware.</summary>
public sealed record Domain
{
    public Cpu? Cpu { get; init; }

    public Memory? Memory { get; init; }

    public DomainResources? Resources { get; init; }

    public FirmwareSpec? Firmware { get; init; }

    public MachineSpec? Machine { get; init; }

    public Devices? Devices { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record Cpu
{
    [Minimum(1), Maximum(255)]
    public int? Cores { get; init; }

    [Minimum(1), Maximum(255)]
    public int? Sockets { get; init; }

    [Minimum(1), Maximum(255)]
    public int? Threads { get; init; }

    [Description("One of QEMU's CPU models, host-passthrough or host-model.")]
    [Pattern("^[A-Za-z0-9][-A-Za-z0-9._]*$"), MaxLength(64)]
    public string? Model { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }

    /// <summary>All three default to 1.</summary>
    [JsonIgnore]
    public int Count => (Cores ?? 1) * (Sockets ?? 1) * (Threads ?? 1);
}

[Rule("!has(self.guest) || " + IsPositive, "the memory must be more than 0")]
public sealed record Memory
{
    /// <summary>A quantity is a text or a number; of one that is none, its pattern speaks.</summary>
    internal const string IsPositive =
        "(type(self.guest) == int ? self.guest > 0 : !isQuantity(self.guest) || quantity(self.guest).isGreaterThan(quantity('0')))";

    [Description("The guest's memory; resources.requests.memory where it is missing.")]
    public Quantity? Guest { get; init; }

    public Hugepages? Hugepages { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record Hugepages
{
    [OneOf("2Mi", "1Gi")]
    public string? PageSize { get; init; }
}

public sealed record DomainResources
{
    public IReadOnlyDictionary<string, Quantity>? Requests { get; init; }

    public IReadOnlyDictionary<string, Quantity>? Limits { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record FirmwareSpec
{
    public Bootloader? Bootloader { get; init; }

    [Pattern("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
    public string? Uuid { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record Bootloader
{
    public Bios? Bios { get; init; }

    public Efi? Efi { get; init; }
}

public sealed record Bios
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record Efi
{
    [Description("Only false can be had.")]
    public bool? SecureBoot { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record MachineSpec
{
    [Description("q35 or pc, also with a version as pc-q35-7.2, which is not kept to.")]
    [MaxLength(64)]
    public string? Type { get; init; }
}

public sealed record Devices
{
    [MaxItems(64)]
    public IReadOnlyList<Disk>? Disks { get; init; }

    [MaxItems(8)]
    public IReadOnlyList<Interface>? Interfaces { get; init; }

    [Description("The guest always has a source of random numbers.")]
    public Rng? Rng { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record Rng;

[Rule("!(has(self.disk) && has(self.cdrom))", "a disk is a disk or a cdrom, not both")]
public sealed record Disk
{
    [Pattern("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), MaxLength(63)]
    public required string Name { get; init; }

    [JsonPropertyName("disk")]
    public DiskTarget? AsDisk { get; init; }

    public CdRomTarget? Cdrom { get; init; }

    [Description("Lower is tried earlier.")]
    [Minimum(1), Maximum(1000)]
    public int? BootOrder { get; init; }

    [Pattern("^[-A-Za-z0-9_.]*$"), MaxLength(20)]
    public string? Serial { get; init; }

    [OneOf("none", "writethrough", "writeback")]
    public string? Cache { get; init; }

    [OneOf("native", "threads", "default")]
    public string? Io { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }

    /// <summary>KubeVirt's default is sata, also where there is neither disk nor cdrom.</summary>
    [JsonIgnore]
    public string Bus => Cdrom?.Bus ?? AsDisk?.Bus ?? "sata";
}

public sealed record DiskTarget
{
    [OneOf("virtio", "sata", "scsi")]
    public string? Bus { get; init; }

    public bool? Readonly { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record CdRomTarget
{
    [OneOf("sata", "scsi", "virtio")]
    public string? Bus { get; init; }

    [Description("A CD-ROM is never written to.")]
    public bool? Readonly { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record Interface
{
    [MaxLength(63)]
    public required string Name { get; init; }

    [Description("The guest has a private address behind the pod's, and all of the pod's ports.")]
    public Masquerade? Masquerade { get; init; }

    [OneOf("virtio", "e1000e")]
    public string? Model { get; init; }

    [Pattern("^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$")]
    public string? MacAddress { get; init; }

    [Description("Only named for Services and people: every port of the pod is the guest's.")]
    public IReadOnlyList<InterfacePort>? Ports { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record Masquerade;

public sealed record InterfacePort
{
    [Minimum(1), Maximum(65535)]
    public required int Port { get; init; }

    public string? Name { get; init; }

    [OneOf("TCP", "UDP", "SCTP")]
    public string? Protocol { get; init; }
}
