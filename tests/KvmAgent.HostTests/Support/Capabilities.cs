namespace KvmAgent.HostTests.Support;

/// <summary>Commands that run another one with fewer rights, as a container runtime would.</summary>
internal static class Capabilities
{
    /// <summary>What the README and the chart ask for.</summary>
    public static readonly string[] Documented = Only("net_admin", "net_raw", "net_bind_service", "setuid", "setgid", "chown", "mknod");

    public static string[] Only(params string[] names) =>
        ["setpriv", "--inh-caps", "-all", "--bounding-set", string.Join(',', names.Select(name => $"+{name}").Prepend("-all"))];

    /// <summary>Runs shell text first: mounts that only the process sees, since <c>ip netns exec</c> gives it a mount namespace.</summary>
    public static string[] After(string script) => ["sh", "-c", $"{script} && exec \"$@\"", "sh"];
}
