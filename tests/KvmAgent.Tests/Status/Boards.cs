using KvmAgent.Contracts;
using KvmAgent.Status;
using KvmAgent.TestSupport;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Tests.Status;

/// <summary>Status boards for tests.</summary>
internal static class Boards
{
    public static StatusBoard New(TimeProvider? time = null) => new("web-1", "prod", time ?? new ManualTime(), NullLogger<StatusBoard>.Instance);

    /// <summary>The guest runs and has its lease.</summary>
    public static StatusBoard Up(this StatusBoard board)
    {
        board.Signal(VmSignal.QemuStarting);
        board.Signal(VmSignal.GuestResumed);
        board.Update(s => s with { Network = new VmNetworkStatus("10.0.0.1", null, "192.168.254.2", null, "52:54:00:00:00:01", 1450, LeaseGiven: true, 5900) });
        return board;
    }

    public static GuestAgentStatus GuestAgent(bool answers) => new(answers, null, null, null, []);
}
