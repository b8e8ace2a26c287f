namespace KvmAgent.Settings;

/// <summary>One thing that can be set: by an environment variable, most also by a key of the file that VM_SPEC_FILE names.</summary>
/// <param name="Name">The environment variable.</param>
/// <param name="Key">The dotted path in the file; null where only the environment may say it.</param>
/// <param name="Default">As the documentation shows it.</param>
/// <param name="Meaning">One sentence for the documentation.</param>
internal sealed record Setting(string Name, string? Key, string Default, string Meaning)
{
    public static readonly Setting ImgSource = new("IMG_SOURCE", "image.source", "",
        "The base image: a URL (`http`, `https`, `s3`, `oci` or `docker` for a container disk, `file`), or the full path of a file.");

    public static readonly Setting ImgTarget = new("IMG_TARGET", "image.target", "last segment of `IMG_SOURCE`",
        "Its file name on the shared volume. Without `IMG_SOURCE` it must be there already.");

    public static readonly Setting ImgChecksum = new("IMG_CHECKSUM", "image.checksum", "",
        "`sha256:…` of the image, or `sha512:…`, `sha1:…`, `md5:…`; another content is refused.");

    public static readonly Setting ImgCaFile = new("IMG_CA_FILE", "image.caFile", "",
        "PEM file of certificate authorities to trust for `IMG_SOURCE` besides the system's.");

    public static readonly Setting ImgHeadersFile = new("IMG_HEADERS_FILE", "image.headersFile", "",
        "File of HTTP headers (`Name: value` a line) for the origin of `IMG_SOURCE`, and no other.");

    public static readonly Setting ImgAllowAddress = new("IMG_ALLOW_ADDRESS", "image.allowAddress", "",
        "Addresses to fetch from although they are loopback, link-local or a cloud's metadata service: `127.0.0.1,fd00:ec2::/32`.");

    public static readonly Setting ImgConnections = new("IMG_CONNECTIONS", "image.connections", "6",
        "How many ranges of the image are fetched at once, where its server has ranges; as many blocks of 4 MiB are in memory.");

    public static readonly Setting ImgAccessKeyId = new("IMG_ACCESS_KEY_ID", "image.accessKeyId", "",
        "User of the origin of `IMG_SOURCE` (Basic authentication, a registry), or the access key id of S3.");

    public static readonly Setting ImgSecretKey = new("IMG_SECRET_KEY", null, "",
        "Its password, or the secret key of S3.");

    public static readonly Setting RegistryAuthFile = new("REGISTRY_AUTH_FILE", "image.registryAuthFile", "",
        "File of registries' users, as `podman login` writes it and a Secret's `.dockerconfigjson` is, where `IMG_ACCESS_KEY_ID` is not set.");

    public static readonly Setting ImgClientCertFile = new("IMG_CLIENT_CERT_FILE", "image.clientCertFile", "",
        "PEM file of the certificate to show to the server of `IMG_SOURCE`, if it asks; its key too, if it is not in `IMG_CLIENT_KEY_FILE`.");

    public static readonly Setting ImgClientKeyFile = new("IMG_CLIENT_KEY_FILE", "image.clientKeyFile", "",
        "PEM file of that certificate's key.");

    public static readonly Setting ImgInsecureTls = new("IMG_INSECURE_TLS", "image.insecureTls", "false",
        "Take any certificate for that of an image's server. Give `IMG_CHECKSUM` then.");

    public static readonly Setting ImgS3Endpoint = new("IMG_S3_ENDPOINT", "image.s3Endpoint", "that of AWS",
        "URL of the S3 server for an `IMG_SOURCE` of the form `s3://bucket/key`, such as `https://minio.example:9000`.");

    public static readonly Setting ImgS3Region = new("IMG_S3_REGION", "image.s3Region", "us-east-1",
        "Region of that bucket.");

    public static readonly Setting VmName = new("VM_NAME", "name", "the pod's host name",
        "The VM's name: its host name, and the name of its disk in `VM_DIR`.");

    public static readonly Setting PodNamespace = new("POD_NAMESPACE", "namespace", "",
        "The pod's namespace; with the name it makes the MAC address and the instance-id.");

    public static readonly Setting VmCpus = new("VM_CPUS", "cpu.count", "1",
        "Virtual CPUs. The file may give `cpu.sockets`, `cpu.cores` and `cpu.threads` instead.");

    public static readonly Setting VmCpuModel = new("VM_CPU_MODEL", "cpu.model", "`host` with KVM, else `max,-erms,-fsrm,-smap`",
        "QEMU's CPU model.");

    public static readonly Setting VmMemory = new("VM_MEMORY", "memory.size", "1Gi",
        "The guest's memory, a Kubernetes quantity. The file may ask for `memory.hugepages`.");

    public static readonly Setting VmDiskSize = new("VM_DISK_SIZE", "disk.size", "as the image",
        "Grows the VM's disk to this quantity; the size of a blank disk.");

    public static readonly Setting VmDiskBus = new("VM_DISK_BUS", "disk.bus", "virtio",
        "`virtio`, `scsi`, `sata` (q35) or `ide` (pc). Guests without virtio drivers need `sata`.");

    public static readonly Setting VmDiskCache = new("VM_DISK_CACHE", "disk.cache", "writeback",
        "`none`, `writeback`, `writethrough`, `directsync` or `unsafe`.");

    public static readonly Setting VmDiskIo = new("VM_DISK_IO", "disk.io", "threads",
        "`threads`, `native` (with cache `none` or `directsync`) or `io_uring`.");

    public static readonly Setting VmCdrom = new("VM_CDROM", "cdrom", "",
        "A CD-ROM to install from: an ISO's full path or URL. Without an image it comes with a blank disk of `VM_DISK_SIZE`.");

    public static readonly Setting VmAccel = new("VM_ACCEL", "machine.accel", "auto",
        "`kvm`, `tcg` (software), or `auto`: KVM where it works.");

    public static readonly Setting VmMachine = new("VM_MACHINE", "machine.type", "q35",
        "`q35` or `pc`.");

    public static readonly Setting VmFirmware = new("VM_FIRMWARE", "firmware.type", "bios",
        "`bios` or `uefi`.");

    public static readonly Setting VmMac = new("VM_MAC", "nic.mac", "derived from namespace and name",
        "The MAC address of the guest's interface.");

    public static readonly Setting NicModel = new("VM_NIC_MODEL", "nic.model", "virtio",
        "`virtio`, or `e1000e` for guests without virtio drivers. The file may ask for `nic.queues`.");

    public static readonly Setting VmIp = new("VM_IP", "network.ip", "192.168.254.2",
        "The guest's private address, in one /30 with `VM_GW`.");

    public static readonly Setting VmGw = new("VM_GW", "network.gateway", "192.168.254.1",
        "The bridge's private address: the guest's gateway.");

    public static readonly Setting VmIp6 = new("VM_IP6", "network.ip6", "made from `VM_MAC`",
        "The guest's private IPv6 address (of fc00::/7), or `off`.");

    public static readonly Setting PodPorts = new("POD_PORTS", "network.podPorts", "",
        "Ports that stay with the pod, for sidecars and meshes: `8080,53/udp`.");

    public static readonly Setting NoVnc = new("NO_VNC", "vnc.disabled", "",
        "Any value: no VNC on 5900, which is then the guest's too. The Unix socket stays.");

    public static readonly Setting VncPasswordFile = new("VNC_PASSWORD_FILE", "vnc.passwordFile", "",
        "File with the VNC password, 8 bytes at most.");

    public static readonly Setting VmDisplay = new("VM_DISPLAY", "display", "vnc",
        "`vnc`, or `spice`: a SPICE screen besides VNC's, at the Unix socket `qemu/spice.sock` in `RUN_DIR`, and through the coordinator.");

    public static readonly Setting ConfigDrive = new("CONFIG_DRIVE", "configDrive.format", "openstack",
        "`openstack` (label config-2), `nocloud` (label cidata) or `none`.");

    public static readonly Setting MetadataFile = new("METADATA_FILE", "configDrive.metadataFile", "/metadata",
        "The guest's metadata, YAML or JSON; nothing where there is no such file.");

    public static readonly Setting UserdataFile = new("USERDATA_FILE", "configDrive.userdataFile", "/userdata",
        "The guest's user data, passed byte for byte; nothing where there is no such file. Of a directory, such as a mounted Secret, the file `userdata` or `userData`.");

    public static readonly Setting VendordataFile = new("VENDORDATA_FILE", "configDrive.vendordataFile", "",
        "Vendor data for the guest.");

    public static readonly Setting NetworkdataFile = new("NETWORKDATA_FILE", "configDrive.networkdataFile", "",
        "Network data for the guest; without it the guest uses DHCP. Of a directory the file `networkdata` or `networkData`.");

    public static readonly Setting SshKeyDirs = new("SSH_KEY_DIRS", "configDrive.sshKeyDirs", "",
        "Directories, such as mounted Secrets, whose files hold SSH public keys, one a line, to add to those of the metadata: `/keys/me,/keys/ops`.");

    public static readonly Setting ImageDir = new("IMAGE_DIR", null, "/image",
        "The shared volume that holds base images.");

    public static readonly Setting VmDir = new("VM_DIR", null, "/vm",
        "This VM's own volume.");

    public static readonly Setting RunDir = new("RUN_DIR", null, "/run/kvm-agent",
        "Sockets and state of the running agent.");

    public static readonly Setting VmSpecFile = new("VM_SPEC_FILE", null, "",
        "A YAML file for what variables cannot say; where both speak, the variable wins.");

    public static readonly Setting GracePeriod = new("GRACE_PERIOD", "lifecycle.gracePeriod", "30s",
        "How long the guest may take to shut down after SIGTERM.");

    public static readonly Setting VmOnPoweroff = new("VM_ON_POWEROFF", "lifecycle.onPoweroff", "exit",
        "When the guest powers off: `exit`, `restart`, or `hold` until `kvm-agent start`.");

    public static readonly Setting VmStartPaused = new("VM_START_PAUSED", "lifecycle.startPaused", "false",
        "`true`: at the agent's start the guest is paused before its first instruction, until the coordinator unpauses it.");

    public static readonly Setting QemuArgs = new("QEMU_ARGS", null, "",
        "Further arguments for QEMU, quoted as for a shell.");

    public static readonly Setting LogFormat = new("LOG_FORMAT", null, "text",
        "`text` or `json`.");

    public static readonly Setting LogLevel = new("LOG_LEVEL", null, "info",
        "`debug`, `info`, `warning` or `error`.");

    public static readonly Setting CoordinatorUrl = new("COORDINATOR_URL", "coordinator.url", "",
        "The coordinator that this VM reports to and takes commands from: `https://HOST[:PORT]`; all addresses of the host are dialled. Without it there is no link.");

    public static readonly Setting CoordinatorCaFile = new("COORDINATOR_CA_FILE", "coordinator.caFile", "the system's authorities",
        "PEM file of the certificate authorities that vouch for the coordinator; read again for each connection.");

    public static readonly Setting CoordinatorTokenFile = new("COORDINATOR_TOKEN_FILE", "coordinator.tokenFile", "/var/run/secrets/kvm-agent/token",
        "File with the token to show to the coordinator; read again for each connection. Where the coordinator gives the VM a token of its own for it, that is kept in VM_DIR and shown first.");

    public static readonly Setting PodName = new("POD_NAME", null, "the host name",
        "The pod's name, for the coordinator.");

    public static readonly Setting PodUid = new("POD_UID", null, "",
        "The pod's UID, for the coordinator, which compares it with the token's.");

    /// <summary>All of them, in the order of the documentation.</summary>
    public static readonly IReadOnlyList<Setting> All =
    [
        ImgSource, ImgTarget, ImgChecksum, ImgCaFile, ImgHeadersFile, ImgAllowAddress,
        ImgConnections, ImgAccessKeyId, ImgSecretKey, RegistryAuthFile, ImgClientCertFile, ImgClientKeyFile, ImgInsecureTls, ImgS3Endpoint, ImgS3Region,
        VmName, PodNamespace, VmCpus, VmCpuModel, VmMemory,
        VmDiskSize, VmDiskBus, VmDiskCache, VmDiskIo, VmCdrom,
        VmAccel, VmMachine, VmFirmware, VmMac, NicModel,
        VmIp, VmGw, VmIp6, PodPorts, NoVnc, VncPasswordFile, VmDisplay,
        ConfigDrive, MetadataFile, UserdataFile, VendordataFile, NetworkdataFile, SshKeyDirs,
        ImageDir, VmDir, RunDir, VmSpecFile,
        GracePeriod, VmOnPoweroff, VmStartPaused, QemuArgs, LogFormat, LogLevel,
        CoordinatorUrl, CoordinatorCaFile, CoordinatorTokenFile, PodName, PodUid,
    ];
}
