using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;
using KvmAgent.Status;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Status;

public sealed class JournalTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    private string[] Lines => File.ReadAllLines(KvmAgent.Status.Journal.PathIn(_directory.FullPath));

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Transitions_of_all_lives_are_told_behind_the_one_that_is_known()
    {
        var first = Journal();
        var board = Boards.New();
        board.Changed += first.Record;
        board.Up();
        var second = Journal();
        second.Record(Boards.New().Current);
        File.AppendAllText(KvmAgent.Status.Journal.PathIn(_directory.FullPath), "{\"phase\":\"Run");

        var all = second.After(null);

        all.Select(t => (t.Start.Id, t.Sequence, t.Phase)).ShouldBe(
            [(first.Start.Id, 1, VmPhase.Starting), (first.Start.Id, 2, VmPhase.Running), (second.Start.Id, 1, VmPhase.Preparing)]);
        second.After(new JournalPosition(first.Start.Id, 1)).ShouldBe(all.Skip(1));
        second.After(new JournalPosition(second.Start.Id, 1)).ShouldBeEmpty();
        second.After(new JournalPosition("unknown", 1)).ShouldBe(all);
    }

    [Fact]
    public void An_exit_code_that_comes_later_is_a_transition()
    {
        var journal = Journal();
        var board = Boards.New().Up();
        board.Changed += journal.Record;
        board.Signal(VmSignal.PoweredOff, "held");
        board.Signal(VmSignal.PoweredOff, "stopped", exitCode: 0);

        journal.After(null).Select(t => (t.Phase, t.ExitCode)).ShouldBe([(VmPhase.Stopped, null), (VmPhase.Stopped, 0)]);
    }

    [Fact]
    public void Each_phase_is_a_line_of_json_and_what_is_no_new_phase_is_none()
    {
        var board = Boards.New();
        board.Changed += Journal().Record;
        board.Up();
        board.Warn("nothing new");
        board.Signal(VmSignal.Broke, "it said \"no\"\n");

        Lines.Select(l => JsonDocument.Parse(l).RootElement.GetProperty("phase").GetString()).ShouldBe(["Starting", "Running", "Crashed"]);
        Lines[^1].ShouldContain("1970-01-01T00:00:00");
        JsonDocument.Parse(Lines[^1]).RootElement.GetProperty("reason").GetString().ShouldBe("it said \"no\"\n");
    }

    [Fact]
    public void The_next_agent_goes_on_where_the_last_one_ended()
    {
        Journal().Record(Boards.New().Current);
        Journal().Record(Boards.New().Current);

        Lines.Length.ShouldBe(2);
    }

    [Fact]
    public void It_is_begun_anew_before_it_fills_the_volume()
    {
        const int limit = 1 << 20;
        var status = Boards.New().Current with { Reason = new string('x', 10_000) };
        var journal = Journal();
        var longest = 0L;
        for (var i = 0; i < 300; i++)
        {
            journal.Record(status with { Phase = i % 2 == 0 ? VmPhase.Running : VmPhase.Paused });
            longest = Math.Max(longest, new FileInfo(KvmAgent.Status.Journal.PathIn(_directory.FullPath)).Length);
        }

        longest.ShouldBeInRange(limit, limit + 20_100);
        new FileInfo(KvmAgent.Status.Journal.PathIn(_directory.FullPath)).Length.ShouldBeLessThan(limit);
        Lines.ShouldAllBe(l => JsonDocument.Parse(l, default).RootElement.ValueKind == JsonValueKind.Object);
    }

    private Journal Journal() => new(_directory.FullPath, new AgentStart(Guid.NewGuid().ToString("N"), DateTimeOffset.UnixEpoch));
}
