namespace KvmAgent.Network;

/// <summary>A kernel setting of the namespace and the value that it must have, as a path below /proc/sys.</summary>
internal sealed record Sysctl(string Path, string Value);

/// <summary>
/// Whether the namespace forwards. A pod inherits IPv4 forwarding from its node (nearly always on); IPv6 forwarding starts at off, and
/// /proc/sys is read-only in a container that is not privileged. Nothing is written that is right already.
/// </summary>
internal sealed record Forwarding
{
    public const string Ipv4Path = "net/ipv4/ip_forward";
    public const string Ipv6Path = "net/ipv6/conf/all/forwarding";

    /// <summary>For the devices to come: the bridge will be one.</summary>
    private const string DisableIpv6 = "net/ipv6/conf/default/disable_ipv6";

    public required Switch Ipv4 { get; init; }

    public required Switch Ipv6 { get; init; }

    /// <summary>Whether the kernel knows IPv6 at all; a node may boot with ipv6.disable=1.</summary>
    public required bool KernelHasIpv6 { get; init; }

    /// <summary>The device that would stop listening to router advertisements once IPv6 is forwarded (accept_ra is 1).</summary>
    public string? NeedsAcceptRa { get; init; }

    internal enum Switch
    {
        On,
        Writable,
        ReadOnly,

        /// <summary>The kernel, or this namespace, has no such protocol.</summary>
        Absent,
    }

    public static Forwarding Read(HostPaths paths, string device6) => new()
    {
        Ipv4 = ReadSwitch(paths, Ipv4Path),
        Ipv6 = Value(paths, DisableIpv6) == "0" ? ReadSwitch(paths, Ipv6Path) : Switch.Absent,
        KernelHasIpv6 = Value(paths, DisableIpv6) is not null,
        NeedsAcceptRa = Value(paths, AcceptRa(device6)) == "1" ? device6 : null,
    };

    /// <summary>What must be written before the guest's IPv4 packets are forwarded.</summary>
    public IReadOnlyList<Sysctl> Enable4() => Ipv4 == Switch.On ? [] : [new Sysctl(Ipv4Path, "1")];

    /// <summary>As <see cref="Enable4"/>, for IPv6. Without the first line the pod would lose the default route that a router gave it.</summary>
    public IReadOnlyList<Sysctl> Enable6() =>
        Ipv6 == Switch.On ? []
        : NeedsAcceptRa is { } device ? [new Sysctl(AcceptRa(device), "2"), new Sysctl(Ipv6Path, "1")]
        : [new Sysctl(Ipv6Path, "1")];

    /// <summary>Writes one setting.</summary>
    /// <returns>The setting as it was.</returns>
    public static Sysctl Write(HostPaths paths, Sysctl sysctl)
    {
        var file = At(paths, sysctl.Path);
        try
        {
            var old = File.ReadAllText(file).Trim();
            File.WriteAllText(file, sysctl.Value);
            return sysctl with { Value = old };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AgentException(FailureReason.Missing, $"{file} cannot be set to {sysctl.Value}: {e.Message}", e);
        }
    }

    private static string AcceptRa(string device) => $"net/ipv6/conf/{device}/accept_ra";

    private static Switch ReadSwitch(HostPaths paths, string path) => Value(paths, path) switch
    {
        null => Switch.Absent,
        "0" => IsWritable(At(paths, path)) ? Switch.Writable : Switch.ReadOnly,
        _ => Switch.On,
    };

    private static bool IsWritable(string file)
    {
        try
        {
            using var handle = File.OpenHandle(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static string? Value(HostPaths paths, string path)
    {
        var file = At(paths, path);
        return File.Exists(file) ? File.ReadAllText(file).Trim() : null;
    }

    private static string At(HostPaths paths, string path) => Path.Combine(paths.Proc, "sys", path);
}
