namespace KvmAgent.Contracts.Rest;

/// <summary>What a machine has used since its start: all of it but the memory counts up, and begins anew with the next start.</summary>
/// <param name="CpuSeconds">Of QEMU and its virtual CPUs, in user and system mode.</param>
/// <param name="ResidentBytes">What of the guest's memory and QEMU's own is in the node's.</param>
/// <param name="ReceivedBytes">Over the network, as the guest sees it.</param>
/// <param name="ReadBytes">Of all disks together.</param>
/// <param name="Timestamp">When it was so.</param>
public sealed record MachineUsage(
    string Vm,
    double CpuSeconds,
    long ResidentBytes,
    long ReceivedBytes,
    long SentBytes,
    long ReadBytes,
    long WrittenBytes,
    DateTimeOffset Timestamp);
