using KvmAgent.Coordinator.Hosting;

namespace KvmAgent.Coordinator.Alone;

/// <summary>What can be set of a coordinator without a cluster, by environment variables.</summary>
internal static class AloneSetting
{
    public static readonly Setting DataDir = new(
        "DATA_DIR",
        "`/var/lib/kvm-coordinator` for root, else `kvm-coordinator` in `XDG_STATE_HOME` or `~/.local/state`",
        "Where everything is kept. One coordinator may use it at a time.");

    public static readonly Setting KeyFile = new(
        "KEY_FILE",
        "`/etc/kvm-coordinator/key` for root, else `kvm-coordinator/key` in `XDG_CONFIG_HOME` or `~/.config`",
        "The key by which providers' credentials are encrypted; it is made. Never inside of `DATA_DIR`: keep its copy elsewhere, too.");

    public static readonly Setting ListenAgents = new(
        "LISTEN_AGENTS", "127.0.0.1:8443", "Where agents are listened for. Those in containers need an address that is theirs to reach, such as the bridge's.");

    public static readonly Setting ListenApi = new("LISTEN_API", "127.0.0.1:6443", "Where `kubectl` and `virtctl` are listened for.");

    public static readonly Setting ListenManagement = new("LISTEN_MANAGEMENT", "127.0.0.1:8444", "Where people and their scripts are listened for: the management API.");

    public static readonly Setting ListenHealth = new("LISTEN_HEALTH", "127.0.0.1:8080", "Where `/healthz`, `/readyz` and `/metrics` are, without a token.");

    public static readonly Setting TlsNames = new(
        "TLS_NAMES", "", "Names and addresses that the certificate is for besides `localhost` and those that are listened on, by commas.");

    /// <summary>All of them, in the order of the documentation.</summary>
    public static readonly IReadOnlyList<Setting> All = [DataDir, KeyFile, ListenAgents, ListenApi, ListenManagement, ListenHealth, TlsNames, Setting.ProviderAllowAddress, Setting.EventHistoryDays, Setting.LogFormat, Setting.LogLevel];
}
