using System.CommandLine;
using KvmAgent.Coordinator.Alone;
using KvmAgent.Coordinator.Alone.Store;
using KvmAgent.Coordinator.Machines;

namespace KvmAgent.Coordinator.Commands;

/// <summary><c>kvm-coordinator forget</c>: takes a VM off the list of a coordinator without a cluster, whether that runs or not.</summary>
internal static class ForgetCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("vm") { Description = "NAMESPACE/NAME, or NAME in the namespace default." };
        var command = new Command("forget", "Forget a VM that enrolled with `kvm-coordinator alone`: its name is free, its agent's token no longer good. The VM itself is not touched.") { name };
        command.SetAction((result, _) => CommandLine.GuardAsync(() => RunAsync(result.GetValue(name)!)));
        return command;
    }

    private static async Task<int> RunAsync(string vm)
    {
        var key = vm.Split('/') switch
        {
            [{ Length: > 0 } only] => new MachineKey("default", only),
            [{ Length: > 0 } ns, { Length: > 0 } name] => new MachineKey(ns, name),
            _ => throw new CoordinatorException(FailureReason.BadRequest, $"\"{vm}\" names no VM; write NAMESPACE/NAME"),
        };
        var directory = new DataDirectory(AloneSettingsReader.ReadDataDir(CommandLine.Environment(), Environment.IsPrivilegedProcess));
        using var store = new AloneStore(AloneDatabase.At(directory.Database).OpenExisting());
        if (store.Remove(key) is null)
        {
            throw new CoordinatorException(
                FailureReason.NotFound, $"{directory.Database} knows no VM {key}; it knows {(store.Vms() is { Count: > 0 } vms ? string.Join(", ", vms.Select(static v => v.Key)) : "none")}");
        }

        await Console.Out.WriteLineAsync($"forgot {key}; its agent may enrol again").ConfigureAwait(false);
        return 0;
    }
}
