using System.CommandLine;
using KvmAgent.Processes;
using KvmAgent.Qemu;
using KvmAgent.Settings;

namespace KvmAgent.Commands;

/// <summary><c>kvm-agent check</c>: what the agent needs from its pod, each with a remedy where it is missing.</summary>
internal static class CheckCommand
{
    // include/uapi/linux/capability.h
    private static readonly (string Name, int Bit)[] Capabilities =
        [("CHOWN", 0), ("SETGID", 6), ("SETUID", 7), ("NET_BIND_SERVICE", 10), ("NET_ADMIN", 12), ("NET_RAW", 13)];

    private static readonly (string Program, string Package)[] Programs =
    [
        (QemuArguments.Program, "qemu-system-x86"), ("qemu-img", "qemu-utils"), ("dnsmasq", "dnsmasq-base"), ("nft", "nftables"),
        ("ip", "iproute2"), ("conntrack", "conntrack"), ("setpriv", "util-linux"), ("setsid", "util-linux"),
        ("kill", "procps"), ("prlimit", "util-linux"),
    ];

    private sealed record Finding(string What, bool Good, string Says);

    public static Command Create()
    {
        var command = new Command("check", "Check devices, capabilities, programs and kernel settings.");
        command.SetAction((_, _) => CommandLine.GuardAsync(() => Task.FromResult(Run())));
        return command;
    }

    private static int Run()
    {
        var paths = HostPaths.FromEnvironment();
        Finding[] findings = [.. CheckPrograms(), .. CheckCapabilities(paths), CheckTun(paths), CheckForwarding(paths), CheckKvm(paths), .. CheckVolumes()];
        foreach (var finding in findings)
        {
            Console.WriteLine($"{(finding.Good ? "ok     " : "MISSING")} {finding.What,-18} {finding.Says}");
        }

        return findings.All(f => f.Good) ? 0 : (int)FailureReason.Missing;
    }

    private static IEnumerable<Finding> CheckPrograms()
    {
        foreach (var (program, package) in Programs)
        {
            Finding finding;
            try
            {
                finding = new Finding(program, true, Children.Find(program));
            }
            catch (AgentException)
            {
                finding = new Finding(program, false, $"install the package {package}, or use the agent's image");
            }

            yield return finding;
        }
    }

    private static IEnumerable<Finding> CheckCapabilities(HostPaths paths)
    {
        const string prefix = "CapEff:";
        var line = File.ReadLines(Path.Combine(paths.Proc, "self/status")).First(l => l.StartsWith(prefix, StringComparison.Ordinal));
        var effective = Convert.ToUInt64(line[prefix.Length..].Trim(), 16);
        return Capabilities.Select(c => new Finding(
            $"CAP_{c.Name}",
            (effective >> c.Bit & 1) == 1,
            (effective >> c.Bit & 1) == 1 ? "effective" : $"add {c.Name} to securityContext.capabilities.add and run as user 0"));
    }

    private static Finding CheckTun(HostPaths paths) => File.Exists(paths.Tun)
        ? new Finding("tun", true, paths.Tun)
        : new Finding("tun", true, $"{paths.Tun} is not there; the agent makes it where it has MKNOD and the container's devices allow it");

    private static Finding CheckForwarding(HostPaths paths)
    {
        var path = Path.Combine(paths.Proc, "sys/net/ipv4/ip_forward");
        if (File.ReadAllText(path).Trim() == "1")
        {
            return new Finding("ip_forward", true, "1");
        }

        try
        {
            using var writable = File.OpenHandle(path, FileMode.Open, FileAccess.Write);
            return new Finding("ip_forward", true, "0, and the agent can set it");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new Finding("ip_forward", false, "0; set net.ipv4.ip_forward=1 on the node or in securityContext.sysctls");
        }
    }

    /// <summary>Without KVM a guest runs too, only slower.</summary>
    private static Finding CheckKvm(HostPaths paths) => KvmProbe.WhyNot(paths.Kvm) is { } why
        ? new Finding("kvm", true, $"no: {why}; guests run in software, slowly. A device plugin's resource or privileged gives it")
        : new Finding("kvm", true, paths.Kvm);

    private static IEnumerable<Finding> CheckVolumes()
    {
        var environment = CommandLine.Environment();
        foreach (var setting in new[] { Setting.ImageDir, Setting.VmDir })
        {
            var path = environment.TryGetValue(setting.Name, out var given) && given.Length > 0 ? given : setting.Default;
            yield return Directory.Exists(path)
                ? new Finding(setting.Name, true, path)
                : new Finding(setting.Name, false, $"{path} is not there; mount a volume there, or set {setting.Name}");
        }
    }
}
