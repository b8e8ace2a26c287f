using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Machines.Pods;

/// <summary>Where each disk's bytes are in the pod, by its volume's kind.</summary>
internal sealed class DiskSources(PodParts parts, IReadOnlyDictionary<string, PersistentVolumeClaim> claims, MachineOptions options)
{
    private const long MiB = 1L << 20;

    public void Add(VmiSpec spec)
    {
        var volumes = (spec.Volumes ?? []).GroupBy(v => v.Name).ToDictionary(g => g.Key, g => g.First());
        var used = new HashSet<string>();
        var pc = SpecFile.IsPc(spec.Domain);
        foreach (var (index, disk) in (DefaultDisks.AddTo(spec).Domain.Devices?.Disks ?? []).Index())
        {
            var field = $"spec.domain.devices.disks[{index}] ({disk.Name})";
            if (!volumes.TryGetValue(disk.Name, out var volume))
            {
                parts.Problems.Add(PodProblem.Spec($"{field}: spec.volumes has no volume of that name; add it"));
            }
            else if (!used.Add(disk.Name))
            {
                parts.Problems.Add(PodProblem.Spec($"{field}: another disk has that name; give each a name of its own"));
            }
            else
            {
                Add(disk, volume, pc, field);
            }
        }

        CheckPlaces(pc);
    }

    /// <summary>What is on q35's SATA or pc's IDE has one of few places.</summary>
    private void CheckPlaces(bool pc)
    {
        var (bus, places) = pc ? ("ide", 4) : ("sata", 6);
        var taken = parts.Disks.Append(parts.ConfigDrive).Count(d => (string?)d!["bus"] == bus);
        if (taken > places)
        {
            parts.Problems.Add(PodProblem.Spec(
                $"spec.domain.devices.disks has {taken} entries on the bus sata, which has {places} places on this machine type; put some on virtio or scsi"));
        }
    }

    private void Add(Disk disk, VmVolume volume, bool pc, string field)
    {
        if (volume.CloudInitNoCloud is not null || volume.CloudInitConfigDrive is not null)
        {
            CloudInit.Add(parts, volume, field);
            parts.ConfigDrive["bus"] = DiskBus(disk, pc);
        }
        else if (Source(volume, field) is { } source)
        {
            source["name"] = $"d{parts.Disks.Count}";
            Describe(source, disk, pc, field);
            parts.Disks.Add(source);
        }
    }

    /// <returns>The disk's beginning, with its source or its size; null where there is a problem.</returns>
    private JsonObject? Source(VmVolume volume, string field) => volume switch
    {
        { PersistentVolumeClaim: { } claim } => Claim(volume.Name, claim.ClaimName, claim.ReadOnly ?? false),
        { DataVolume: { } data } => Claim(volume.Name, data.Name, readOnly: false),
        { ContainerDisk: { } container } => ContainerDisk(volume.Name, container),
        { EmptyDisk: { } empty } => Blank(empty, field),
        { HostDisk: { } host } => HostDisk(volume.Name, host, field),
        { ConfigMap: { } map } => Files(volume.Name, "configMap", "name", map.Name, map.Optional, map.VolumeLabel),
        { Secret: { } secret } => Files(volume.Name, "secret", "secretName", secret.SecretName, secret.Optional, secret.VolumeLabel),
        _ => Unsupported(volume, field),
    };

    private JsonObject? Claim(string name, string claimName, bool readOnly)
    {
        if (!claims.TryGetValue(claimName, out var claim))
        {
            parts.Problems.Add(new PodProblem(
                PodProblem.ClaimNotFound, $"PersistentVolumeClaim {claimName} of volume {name} is not there; create it", Permanent: false));
            return null;
        }

        var source = new JsonObject { ["claimName"] = claimName };
        if (readOnly)
        {
            source["readOnly"] = true;
        }

        var volume = PodParts.Name("disk", name);
        parts.AddVolume(volume, "persistentVolumeClaim", source);
        if (claim.Spec?.VolumeMode == PersistentVolumeClaim.Block)
        {
            var device = $"/dev/disks/{name}";
            parts.Devices.Add(new VolumeDevice(volume, device));
            return Disk(device, readOnly);
        }

        var directory = $"/disks/{name}";
        parts.Mounts.Add(new VolumeMount(volume, directory));
        return Disk($"{directory}/disk.img", readOnly);

        static JsonObject Disk(string path, bool readOnly) => readOnly ? new JsonObject { ["source"] = path, ["readOnly"] = true } : new JsonObject { ["source"] = path };
    }

    /// <summary>Fetched by a container that runs before the VM's.</summary>
    private JsonObject ContainerDisk(string name, ContainerDiskVolume disk)
    {
        // Not in a directory of their own: the importer makes none.
        var target = $"{PodParts.VmDir}/container-disk-{name}.img";
        var mounts = new List<VolumeMount> { new(PodParts.VmVolume, PodParts.VmDir) };
        var environment = new List<EnvVar>();
        if (disk.ImagePullSecret is { } secret)
        {
            var volume = PodParts.Name("pull", name);
            parts.AddVolume(volume, "secret", new JsonObject { ["secretName"] = secret });
            mounts.Add(new VolumeMount(volume, $"{PodParts.SecretsDir}/{volume}") { ReadOnly = true });
            environment.Add(new EnvVar("REGISTRY_AUTH_FILE", $"{PodParts.SecretsDir}/{volume}/.dockerconfigjson"));
        }

        parts.InitContainers.Add(new Container
        {
            Name = PodParts.Name("fetch", name),
            Image = options.AgentImage,
            ImagePullPolicy = options.ImagePullPolicy,
            Args = ["import", "--source", $"docker://{disk.Image}", "--target", target],
            Env = environment.Count == 0 ? null : environment,
            Resources = PodSecurity.ImporterResources,
            SecurityContext = PodSecurity.Importer(),
            VolumeMounts = mounts,
        });
        return new JsonObject { ["source"] = target };
    }

    private JsonObject? Blank(EmptyDiskVolume empty, string field)
    {
        if (empty.Capacity.TryBytes(out var bytes) && bytes >= MiB)
        {
            return new JsonObject { ["size"] = bytes.ToString(System.Globalization.CultureInfo.InvariantCulture) };
        }

        parts.Problems.Add(PodProblem.Spec($"{field}: emptyDisk.capacity=\"{empty.Capacity}\" is no size of a disk; give a quantity such as 10Gi"));
        return null;
    }

    private JsonObject? HostDisk(string name, HostDiskVolume host, string field)
    {
        var path = host.Path;
        if (!path.StartsWith('/') || path.Split('/').Any(static p => p is "." or "..")
            || !options.HostDiskPaths.Any(allowed => path.StartsWith(allowed.TrimEnd('/') + "/", StringComparison.Ordinal)))
        {
            var where = options.HostDiskPaths.Count == 0 ? "hostDisks are switched off" : $"hostDisks are allowed below {string.Join(", ", options.HostDiskPaths)}";
            parts.Problems.Add(PodProblem.Spec($"{field}: hostDisk.path={path} is not allowed; {where}; use a persistentVolumeClaim"));
            return null;
        }

        if (host.Type != "Disk")
        {
            parts.Problems.Add(PodProblem.Spec($"{field}: hostDisk.type={host.Type} is not supported; make the file, and use Disk"));
            return null;
        }

        var volume = PodParts.Name("disk", name);
        parts.AddVolume(volume, "hostPath", new JsonObject { ["path"] = path, ["type"] = "File" });
        parts.Mounts.Add(new VolumeMount(volume, $"/disks/{name}.img"));
        return new JsonObject { ["source"] = $"/disks/{name}.img" };
    }

    /// <summary>The agent makes a disk of the files.</summary>
    private JsonObject Files(string name, string kind, string key, string value, bool? optional, string? label)
    {
        var source = new JsonObject { [key] = value };
        if (optional is { } may)
        {
            source["optional"] = may;
        }

        var directory = $"{PodParts.FilesDir}/{name}";
        var volume = PodParts.Name("disk", name);
        parts.AddVolume(volume, kind, source);
        parts.Mounts.Add(new VolumeMount(volume, directory) { ReadOnly = true });
        return new JsonObject { ["files"] = directory, ["label"] = label ?? "cfgdata" };
    }

    private JsonObject? Unsupported(VmVolume volume, string field)
    {
        var kind = volume.Unknown?.Keys.FirstOrDefault();
        parts.Problems.Add(PodProblem.Spec(kind is null
            ? $"{field}: its volume has no source; give it one, such as containerDisk or persistentVolumeClaim"
            : $"{field}: volumes of the kind {kind} are not supported; use containerDisk, persistentVolumeClaim, dataVolume, emptyDisk, "
                + "cloudInitNoCloud, cloudInitConfigDrive, configMap, secret or hostDisk"));
        return null;
    }

    private void Describe(JsonObject source, Disk disk, bool pc, string field)
    {
        source["bus"] = DiskBus(disk, pc);
        if (disk.Cdrom is not null)
        {
            source["cdrom"] = true;
        }
        else if (disk.AsDisk?.Readonly == true)
        {
            source["readOnly"] = true;
        }

        if (disk.BootOrder is { } order)
        {
            source["bootOrder"] = order;
        }

        if (disk.Serial is { Length: > 0 } serial)
        {
            source["serial"] = serial;
        }

        if (disk is { Io: "native", Cache: not (null or "none") })
        {
            parts.Problems.Add(PodProblem.Spec($"{field}: io=native needs cache=none, and has {disk.Cache}; leave out one of the two"));
        }

        if ((disk.Cache ?? (disk.Io == "native" ? "none" : null)) is { } cache)
        {
            source["cache"] = cache;
        }

        if (disk.Io is { } io and not "default")
        {
            source["io"] = io;
        }
    }

    /// <summary>The guest of a pc sees a SATA disk on IDE, which is what that has.</summary>
    private static string DiskBus(Disk disk, bool pc) => disk.Bus switch
    {
        "sata" when pc => "ide",
        var bus => bus,
    };
}
