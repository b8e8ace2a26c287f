using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Status;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Status;

public sealed class JournalTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    private string[] Lines => File.ReadAllLines(Journal.PathIn(_directory.FullPath));

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Each_phase_is_a_line_of_json_and_what_is_no_new_phase_is_none()
    {
        var board = Boards.New();
        board.Changed += new Journal(_directory.FullPath).Record;
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
        new Journal(_directory.FullPath).Record(Boards.New().Current);
        new Journal(_directory.FullPath).Record(Boards.New().Current);

        Lines.Length.ShouldBe(2);
    }

    [Fact]
    public void It_is_begun_anew_before_it_fills_the_volume()
    {
        const int limit = 1 << 20;
        var status = Boards.New().Current with { Reason = new string('x', 10_000) };
        var journal = new Journal(_directory.FullPath);
        var longest = 0L;
        for (var i = 0; i < 300; i++)
        {
            journal.Record(status with { Phase = i % 2 == 0 ? VmPhase.Running : VmPhase.Paused });
            longest = Math.Max(longest, new FileInfo(Journal.PathIn(_directory.FullPath)).Length);
        }

        longest.ShouldBeInRange(limit, limit + 20_100);
        new FileInfo(Journal.PathIn(_directory.FullPath)).Length.ShouldBeLessThan(limit);
        Lines.ShouldAllBe(l => JsonDocument.Parse(l, default).RootElement.ValueKind == JsonValueKind.Object);
    }
}
