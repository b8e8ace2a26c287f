using System.CommandLine;
using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Settings;
using KvmAgent.Status;

namespace KvmAgent.Commands;

/// <summary><c>kvm-agent status</c>: a table for people, JSON for programs.</summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Print JSON." };
        var command = new Command("status", "Show how the VM is.") { json };
        command.SetAction((arguments, _) => CommandLine.GuardAsync(() => RunAsync(arguments.GetValue(json))));
        return command;
    }

    private static async Task<int> RunAsync(bool json)
    {
        var status = await ControlClient.StatusAsync(VmSettingsReader.RunDir(CommandLine.Environment())).ConfigureAwait(false);
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(status, ContractsJson.Default.VmStatus));
        }
        else
        {
            foreach (var (name, value) in Rows(status).Where(r => r.Value is { Length: > 0 }))
            {
                Console.WriteLine($"{name,-12}{value}");
            }
        }

        return 0;
    }

    private static IEnumerable<(string Name, string? Value)> Rows(VmStatus status)
    {
        yield return ("VM", status.Namespace.Length > 0 ? $"{status.Namespace}/{status.Name}" : status.Name);
        yield return ("phase", $"{status.Phase} since {status.Since:yyyy-MM-dd HH:mm:ss}Z{(status.Ready ? ", ready" : "")}");
        yield return ("reason", status.Reason);
        if (status.Machine is { } machine)
        {
            yield return ("machine", $"{machine.Cpus} CPU, {Quantity.Format(machine.MemoryBytes)}, {machine.Accelerator} ({machine.AcceleratorReason})");
            yield return ("qemu", machine.QemuPid is { } pid ? $"{machine.QemuVersion}, pid {pid}" : machine.QemuVersion);
        }

        if (status.Network is { } network)
        {
            yield return ("address", string.Join(", ", new[] { network.PodIp, network.PodIp6 }.OfType<string>()));
            yield return ("guest", $"{string.Join(", ", new[] { network.GuestIp, network.GuestIp6 }.OfType<string>())}, MAC {network.Mac}, MTU {network.Mtu}{(network.LeaseGiven ? "" : ", has not asked for its lease")}");
            yield return ("screen", $"{(network.VncPort is { } port ? $"VNC on port {port}" : "no VNC")}{(status.Machine?.Spice == true ? ", SPICE" : "")}");
        }

        yield return ("image", status.Image is { } image ? $"{image.Name} ({image.Format}, {image.Digest})" : null);
        if (status.GuestAgent is { } agent)
        {
            yield return ("guest agent", agent.Answers ? $"{agent.HostName}, {agent.Os}, {agent.Kernel}" : "does not answer");
        }

        foreach (var warning in status.Warnings)
        {
            yield return ("warning", warning);
        }
    }
}
