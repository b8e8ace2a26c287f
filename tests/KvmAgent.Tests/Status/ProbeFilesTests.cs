using KvmAgent.Status;
using KvmAgent.Tests.Support;
using KvmAgent.TestSupport;

namespace KvmAgent.Tests.Status;

public sealed class ProbeFilesTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly ManualTime _time = new();
    private readonly StatusBoard _board;

    public ProbeFilesTests() => _board = Boards.New(_time);

    private string Ready => _directory.At("ready");

    private string Live => _directory.At("live");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void They_come_and_go_with_what_they_stand_for()
    {
        using var files = new ProbeFiles(_directory.FullPath, _board, _time);
        _time.Advance(TimeSpan.Zero);
        (File.Exists(Live), File.Exists(Ready)).ShouldBe((true, false));

        _board.Up();
        (File.Exists(Live), File.Exists(Ready)).ShouldBe((true, true));

        _board.Update(s => s with { GuestAgent = Boards.GuestAgent(answers: false) });
        (File.Exists(Live), File.Exists(Ready)).ShouldBe((true, false));

        _board.Signal(VmSignal.Broke);
        (File.Exists(Live), File.Exists(Ready)).ShouldBe((false, false));
    }

    /// <summary>A guest that is held powered off is not ready, and its agent is well.</summary>
    [Fact]
    public void A_guest_that_is_off_leaves_the_agent_live()
    {
        using var files = new ProbeFiles(_directory.FullPath, _board, _time);
        _board.Up();
        _board.Signal(VmSignal.PoweredOff);

        (File.Exists(Live), File.Exists(Ready)).ShouldBe((true, false));
    }

    [Fact]
    public void Their_time_is_always_ahead_and_stops_with_the_agent()
    {
        using var files = new ProbeFiles(_directory.FullPath, _board, _time);
        _board.Up();
        for (var seconds = 0; seconds < 300; seconds += 7)
        {
            foreach (var path in new[] { Ready, Live })
            {
                (File.GetLastWriteTimeUtc(path) - _time.GetUtcNow()).ShouldBeInRange(TimeSpan.FromSeconds(40), TimeSpan.FromSeconds(60));
            }

            _time.Advance(TimeSpan.FromSeconds(7));
        }
    }

    [Fact]
    public void They_are_gone_at_the_end_and_stay_so()
    {
        new ProbeFiles(_directory.FullPath, _board, _time).Dispose();
        _board.Up();
        _time.Advance(TimeSpan.FromMinutes(5));

        Directory.EnumerateFiles(_directory.FullPath).ShouldBeEmpty();
    }
}
