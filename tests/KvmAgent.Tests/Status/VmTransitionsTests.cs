using KvmAgent.Contracts;
using KvmAgent.Status;
using static KvmAgent.Contracts.VmPhase;
using static KvmAgent.Status.VmSignal;

namespace KvmAgent.Tests.Status;

public sealed class VmTransitionsTests
{
    /// <summary>A row for each phase, a column for each signal.</summary>
    private static readonly (VmPhase From, VmPhase[] To)[] Table =
    [
        //             QemuStarting  GuestResumed  GuestPaused   ShutdownAsked PoweredOff Broke    GaveUp
        (Preparing,    [Starting,     Preparing,    Preparing,    Preparing,    Stopped,  Crashed, Failed]),
        (Starting,     [Starting,     Running,      Paused,       ShuttingDown, Stopped,  Crashed, Failed]),
        (Running,      [Running,      Running,      Paused,       ShuttingDown, Stopped,  Crashed, Failed]),
        (Paused,       [Paused,       Running,      Paused,       ShuttingDown, Stopped,  Crashed, Failed]),
        (ShuttingDown, [ShuttingDown, ShuttingDown, ShuttingDown, ShuttingDown, Stopped,  Crashed, Failed]),
        (Stopped,      [Starting,     Stopped,      Stopped,      Stopped,      Stopped,  Crashed, Failed]),
        (Crashed,      [Crashed,      Crashed,      Crashed,      Crashed,      Crashed,  Crashed, Crashed]),
        (Failed,       [Failed,       Failed,       Failed,       Failed,       Failed,   Failed,  Failed]),
    ];

    [Fact]
    public void Each_signal_leads_from_each_phase_where_the_table_says()
    {
        Table.Select(row => row.From).ShouldBe(Enum.GetValues<VmPhase>());
        Enum.GetValues<VmSignal>().ShouldBe([QemuStarting, GuestResumed, GuestPaused, ShutdownAsked, PoweredOff, Broke, GaveUp]);
        foreach (var (from, to) in Table)
        {
            Enum.GetValues<VmSignal>().Select(signal => VmTransitions.Next(from, signal)).ShouldBe(to, $"from {from}");
        }
    }
}
