using System.Globalization;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;

namespace KvmAgent.Coordinator.Machines.Pods;

/// <summary>The file that the agent's VM_SPEC_FILE names: all of the machine that is not an address or a path of the pod's. JSON is YAML.</summary>
internal static class SpecFile
{
    public const string Name = "spec.yaml";

    /// <summary>The agent's limit.</summary>
    private const int MostCpus = 255;

    public static JsonObject Create(VirtualMachineInstance vmi, long memory, PodParts parts)
    {
        var spec = vmi.Spec!;
        var domain = spec.Domain;
        CheckCpu(domain, parts);
        var file = new JsonObject
        {
            ["name"] = HostName(vmi),
            ["cpu"] = Cpu(domain),
            ["memory"] = new JsonObject { ["size"] = memory.ToString(CultureInfo.InvariantCulture) },
            ["machine"] = new JsonObject { ["type"] = MachineType(domain, parts) },
            ["firmware"] = Firmware(domain, parts),
            ["vnc"] = new JsonObject { ["disabled"] = true },
            ["lifecycle"] = new JsonObject { ["gracePeriod"] = $"{PodTemplate.GracePeriod(spec)}s" },
        };
        if (spec.StartStrategy == "Paused")
        {
            file["lifecycle"]!["startPaused"] = true;
        }

        if (domain.Memory?.Hugepages?.PageSize is { } pages)
        {
            file["memory"]!["hugepages"] = pages;
        }

        if (Nic(domain, parts) is { Count: > 0 } nic)
        {
            file["nic"] = nic;
        }

        if (Image(vmi) is { Count: > 0 } image)
        {
            file["image"] = image;
        }

        if (Display(vmi, parts) is { } display)
        {
            file["display"] = display;
        }

        AddDrive(file, vmi, parts);
        if (parts.Disks.Count > 0)
        {
            file["disks"] = parts.Disks;
        }

        return file;
    }

    /// <summary>A host name, whatever the object's name is: that may have dots, and 253 characters.</summary>
    public static string HostName(VirtualMachineInstance vmi)
    {
        var name = vmi.Spec?.Hostname ?? vmi.Metadata.Name!.Split('.')[0];
        return name.Length <= 63 ? name : name[..63].TrimEnd('-');
    }

    public static bool HasSpice(VirtualMachineInstance vmi) => vmi.Metadata.Annotation(MachineLabels.Display) == "spice";

    /// <summary>pc is QEMU's older machine, which has no SATA.</summary>
    public static bool IsPc(Domain domain) =>
        domain.Machine?.Type is { } type && (type == "pc" || type.StartsWith("pc-i440fx", StringComparison.Ordinal));

    private static void CheckCpu(Domain domain, PodParts parts)
    {
        // Each part is at most 255, so that their product is no more than an int.
        if (domain.Cpu?.Count > MostCpus)
        {
            parts.Problems.Add(PodProblem.Spec(
                $"spec.domain.cpu: sockets, cores and threads make {domain.Cpu.Count} virtual CPUs; give at most {MostCpus}"));
        }
    }

    private static JsonObject Cpu(Domain domain)
    {
        var cpu = new JsonObject
        {
            ["sockets"] = domain.Cpu?.Sockets ?? 1,
            ["cores"] = domain.Cpu?.Cores ?? 1,
            ["threads"] = domain.Cpu?.Threads ?? 1,
        };
        // The agent's own choice is the host's CPU, and what comes nearest to it without KVM.
        if (domain.Cpu?.Model is { } model and not ("host-passthrough" or "host-model"))
        {
            cpu["model"] = model;
        }

        return cpu;
    }

    private static string MachineType(Domain domain, PodParts parts)
    {
        var type = domain.Machine?.Type ?? "";
        if (type is "" or "q35" || type.StartsWith("pc-q35", StringComparison.Ordinal))
        {
            return "q35";
        }

        if (!IsPc(domain))
        {
            parts.Problems.Add(PodProblem.Spec($"spec.domain.machine.type={type} is not supported; use q35 or pc"));
        }

        return "pc";
    }

    private static JsonObject Firmware(Domain domain, PodParts parts)
    {
        if (domain.Firmware?.Bootloader?.Efi?.SecureBoot == true)
        {
            parts.Problems.Add(PodProblem.Spec(
                "spec.domain.firmware.bootloader.efi.secureBoot=true is not supported; set it to false, or leave it out, which means false here"));
        }

        var firmware = new JsonObject { ["type"] = domain.Firmware?.Bootloader?.Efi is null ? "bios" : "uefi" };
        if (domain.Firmware?.Uuid is { } uuid)
        {
            firmware["uuid"] = uuid;
        }

        return firmware;
    }

    private static JsonObject Nic(Domain domain, PodParts parts)
    {
        var nic = new JsonObject();
        var interfaces = domain.Devices?.Interfaces ?? [];
        if (interfaces.Count > 1)
        {
            parts.Problems.Add(PodProblem.Spec($"spec.domain.devices.interfaces has {interfaces.Count} entries; the guest has one interface, on the pod's network"));
        }

        if (interfaces is [var only, ..])
        {
            if (only.MacAddress is { } mac)
            {
                nic["mac"] = mac.Replace('-', ':');
            }

            if (only.Model is { } model)
            {
                nic["model"] = model;
            }
        }

        return nic;
    }

    private static JsonObject Image(VirtualMachineInstance vmi)
    {
        var image = new JsonObject();
        Set("source", MachineLabels.ImageSource);
        Set("target", MachineLabels.ImageTarget);
        Set("checksum", MachineLabels.ImageChecksum);
        return image;

        void Set(string key, string annotation)
        {
            if (vmi.Metadata.Annotation(annotation) is { Length: > 0 } value)
            {
                image[key] = value;
            }
        }
    }

    private static string? Display(VirtualMachineInstance vmi, PodParts parts)
    {
        var display = vmi.Metadata.Annotation(MachineLabels.Display);
        if (display is not (null or "vnc" or "spice"))
        {
            parts.Problems.Add(PodProblem.Spec($"annotation {MachineLabels.Display}={display} is not supported; give vnc, or spice for a SPICE screen besides"));
        }

        return display;
    }

    private static void AddDrive(JsonObject file, VirtualMachineInstance vmi, PodParts parts)
    {
        var disk = new JsonObject();
        // The config drive goes on the bus of the disks that say nothing, of which there are no others.
        if (parts.ConfigDrive.Remove("bus", out var bus))
        {
            disk["bus"] = bus;
        }

        if (vmi.Metadata.Annotation(MachineLabels.DiskSize) is { Length: > 0 } size)
        {
            disk["size"] = size;
        }

        if (disk.Count > 0)
        {
            file["disk"] = disk;
        }

        file["configDrive"] = parts.ConfigDrive;
    }
}
