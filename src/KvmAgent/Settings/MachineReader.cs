namespace KvmAgent.Settings;

/// <summary>CPU, memory, firmware and what else makes the machine.</summary>
internal static class MachineReader
{
    private const int MostCpus = 255;
    private const long MiB = 1L << 20, GiB = 1L << 30;

    public static MachineSettings Read(SettingSource source, SettingParser parser)
    {
        var memory = source.TryGet(Setting.VmMemory, out GivenValue size) ? parser.Size(size, 16 * MiB) / MiB * MiB : GiB;
        long? hugepages = source.Spec.TryGet("memory.hugepages", out var pages)
            ? parser.Choice(pages, ("2Mi", 2 * MiB), ("1Gi", GiB))
            : null;
        if (hugepages is { } page && memory % page != 0)
        {
            parser.Errors.Add(pages.Origin, pages.Text, $"the memory of {Quantity.Format(memory)} is no multiple of it", "give VM_MEMORY in whole pages");
        }

        return new MachineSettings(
            ReadCpu(source, parser),
            source.TryGet(Setting.VmCpuModel, out GivenValue model) ? ReadModel(model, parser) : null,
            memory,
            hugepages,
            source.TryGet(Setting.VmAccel, out GivenValue accel)
                ? parser.Choice(accel, ("auto", Accelerator.Auto), ("kvm", Accelerator.Kvm), ("tcg", Accelerator.Tcg))
                : Accelerator.Auto,
            source.TryGet(Setting.VmMachine, out GivenValue type)
                ? parser.Choice(type, ("q35", MachineType.Q35), ("pc", MachineType.Pc))
                : MachineType.Q35,
            source.TryGet(Setting.VmFirmware, out GivenValue firmware)
                ? parser.Choice(firmware, ("bios", Firmware.Bios), ("uefi", Firmware.Uefi))
                : Firmware.Bios,
            source.Spec.TryGet("firmware.uuid", out var uuid) ? ReadUuid(uuid, parser) : null,
            source.TryGet(Setting.VmDisplay, out GivenValue display) ? parser.Choice(display, ("vnc", Display.Vnc), ("spice", Display.Spice)) : Display.Vnc,
            !source.Spec.TryGet("console.log", out var log) || parser.Boolean(log),
            source.TryGetVariable(Setting.QemuArgs, out var args) ? ReadArguments(args, parser) : []);
    }

    private static CpuTopology ReadCpu(SettingSource source, SettingParser parser)
    {
        if (source.TryGetVariable(Setting.VmCpus, out var variable))
        {
            return new CpuTopology(parser.Integer(variable, 1, MostCpus), 1, 1);
        }

        var topology = new CpuTopology(Part("sockets"), Part("cores"), Part("threads"));
        if (source.TryGet(Setting.VmCpus, out GivenValue given))
        {
            var count = parser.Integer(given, 1, MostCpus);
            if (topology.Count == 1)
            {
                return new CpuTopology(count, 1, 1);
            }

            if (topology.Count != count)
            {
                parser.Errors.Add(given.Origin, given.Text, $"sockets, cores and threads make {topology.Count}", "leave out cpu.count");
            }
        }

        if (topology.Count > MostCpus)
        {
            parser.Errors.Add($"cpu.sockets × cpu.cores × cpu.threads make {topology.Count} virtual CPUs; give at most {MostCpus}");
        }

        return topology;

        int Part(string key) => source.Spec.TryGet($"cpu.{key}", out var part) ? parser.Integer(part, 1, MostCpus) : 1;
    }

    /// <summary>A CPU model with its features (<c>Skylake-Server,+vmx</c>) is one option of QEMU's and can hold no other.</summary>
    private static string ReadModel(GivenValue given, SettingParser parser)
    {
        if (!given.Text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or ',' or '+' or '='))
        {
            parser.Errors.Add(given.Origin, given.Text, "is not a CPU model", "write one that `qemu-system-x86_64 -cpu help` lists");
        }

        return given.Text;
    }

    private static Guid? ReadUuid(GivenValue given, SettingParser parser)
    {
        if (Guid.TryParseExact(given.Text, "D", out var uuid))
        {
            return uuid;
        }

        parser.Errors.Add(given.Origin, given.Text, "is not a UUID", "write 8-4-4-4-12 hex digits");
        return null;
    }

    private static IReadOnlyList<string> ReadArguments(GivenValue given, SettingParser parser)
    {
        try
        {
            return ShellWords.Split(given.Text);
        }
        catch (FormatException e)
        {
            parser.Errors.Add(given.Origin, given.Text, e.Message, "quote the arguments as for a shell");
            return [];
        }
    }
}
