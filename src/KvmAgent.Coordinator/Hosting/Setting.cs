namespace KvmAgent.Coordinator.Hosting;

/// <summary>One thing that can be set, by an environment variable.</summary>
/// <param name="Default">As the documentation shows it.</param>
/// <param name="Meaning">One sentence for the documentation.</param>
internal sealed record Setting(string Name, string Default, string Meaning)
{
    public static readonly Setting AgentImage = new("AGENT_IMAGE", "", "The agent's container image, for the pods of VMs. Required.");

    public static readonly Setting AgentImagePullPolicy = new("AGENT_IMAGE_PULL_POLICY", "IfNotPresent", "`Always`, `IfNotPresent` or `Never`.");

    public static readonly Setting AgentImagePullSecrets = new("AGENT_IMAGE_PULL_SECRETS", "", "Names of Secrets in the VMs' namespaces, by commas.");

    public static readonly Setting KvmResource = new("KVM_RESOURCE", "", "A device plugin's resource for /dev/kvm, such as `devices.kubevirt.io/kvm`; without it guests run in software.");

    public static readonly Setting TunResource = new("TUN_RESOURCE", "", "A device plugin's resource for /dev/net/tun, where the container runtime does not let the agent make it.");

    public static readonly Setting SysctlIpForward = new("SYSCTL_IP_FORWARD", "false", "Whether pods set `net.ipv4.ip_forward`, which the kubelet must allow.");

    public static readonly Setting HostDiskPaths = new("HOST_DISK_PATHS", "", "Directories of nodes in which a hostDisk may be, by commas; without them there are no hostDisks.");

    public static readonly Setting NodeSelector = new("VM_NODE_SELECTOR", "", "Labels of the nodes where VMs may run: `key=value`, by commas.");

    public static readonly Setting ImportConcurrency = new(
        "IMPORT_CONCURRENCY", "10", "How many claims are filled at once, each by an importer's pod; 0: none, for a cluster with an importer of its own.");

    public static readonly Setting ImporterRequests = new("IMPORTER_REQUESTS", "cpu=100m,memory=256Mi", "What an importer's container asks for: `resource=quantity`, by commas.");

    public static readonly Setting ImporterLimits = new("IMPORTER_LIMITS", "memory=256Mi", "What it may have at most, likewise.");

    public static readonly Setting UploadUrl = new(
        "UPLOAD_URL", "", "Where people reach the upload port, such as `https://upload.example.com`; CDIConfig `config` tells it to `virtctl`.");

    public static readonly Setting AgentUrl = new("AGENT_URL", "", "What agents dial: the headless Service, such as `https://kvm-coordinator-agents.kvm-system.svc:8443`.");

    public static readonly Setting Audience = new("AGENT_AUDIENCE", "kvm-coordinator", "The audience of the agents' tokens.");

    public static readonly Setting ListenAgents = new("LISTEN_AGENTS", "0.0.0.0:8443", "Where agents are listened for.");

    public static readonly Setting ListenApi = new("LISTEN_API", "0.0.0.0:6443", "Where the API server is listened for.");

    public static readonly Setting ListenManagement = new("LISTEN_MANAGEMENT", "0.0.0.0:8444", "Where people and their scripts are listened for: the management API.");

    public static readonly Setting ListenHealth = new("LISTEN_HEALTH", "0.0.0.0:8080", "Where `/healthz`, `/readyz` and `/metrics` are.");

    public static readonly Setting ListenUploads = new("LISTEN_UPLOADS", "0.0.0.0:8445", "Where people's images are taken.");

    public static readonly Setting TlsSecret = new("TLS_SECRET", "kvm-coordinator-tls", "The Secret that keeps the certificates; it is made.");

    public static readonly Setting TlsNames = new("TLS_NAMES", "", "Names that the certificate is for besides those of `AGENT_URL` and `UPLOAD_URL`, by commas: the Services'.");

    public static readonly Setting Namespace = new("POD_NAMESPACE", "that of the kubeconfig's context", "The coordinator's own namespace.");

    public static readonly Setting OwnNamespace = new("OWN_NAMESPACE", "that of `POD_NAMESPACE`", "The name that the Containerized Data Importer has for `POD_NAMESPACE`, which comes first.");

    public static readonly Setting PodName = new("POD_NAME", "the host name", "This replica's name: no two may have the same.");

    public static readonly Setting WatchNamespace = new("WATCH_NAMESPACE", "all", "The namespaces whose machines are realised and whose claims are filled, by commas, or `all`.");

    public static readonly Setting ProviderAllowAddress = new(
        "PROVIDER_ALLOW_ADDRESS", "", "Addresses and networks, by commas, where other clusters and their proxies may be although they are loopback, link-local or a cloud's metadata service.");

    public static readonly Setting DatabaseFile = new(
        "DATABASE_FILE", "", "Where jobs, image builds and the history of events are kept: a file of SQLite's, which is made, for a coordinator of one replica. Without a database there are none.");

    public static readonly Setting DatabaseConnectionFile = new(
        "DATABASE_CONNECTION_FILE", "", "A file with PostgreSQL's connection string in place of it, for any number of replicas: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE` or `Host=…;Username=…`.");

    public static readonly Setting EventHistoryDays = new("EVENT_HISTORY_DAYS", "30", "How long the history of events is kept, in days.");

    public static readonly Setting OtlpEndpoint = new(
        "OTEL_EXPORTER_OTLP_ENDPOINT", "", "Where traces are sent, by OTLP over HTTP, such as `http://collector.monitoring:4318`; without it there are none.");

    public static readonly Setting LogFormat = new("LOG_FORMAT", "text", "`text` or `json`.");

    public static readonly Setting LogLevel = new("LOG_LEVEL", "info", "`debug`, `info`, `warning` or `error`.");

    /// <summary>All of them, in the order of the documentation.</summary>
    public static readonly IReadOnlyList<Setting> All =
    [
        AgentImage, AgentImagePullPolicy, AgentImagePullSecrets, KvmResource, TunResource, SysctlIpForward, HostDiskPaths, NodeSelector,
        ImportConcurrency, ImporterRequests, ImporterLimits, UploadUrl, AgentUrl, Audience, ListenAgents, ListenApi, ListenManagement, ListenHealth, ListenUploads,
        TlsSecret, TlsNames, Namespace, OwnNamespace, PodName, WatchNamespace, ProviderAllowAddress, DatabaseFile, DatabaseConnectionFile, EventHistoryDays, OtlpEndpoint, LogFormat, LogLevel,
    ];
}
