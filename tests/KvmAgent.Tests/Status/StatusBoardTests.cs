using KvmAgent.Contracts;
using KvmAgent.Status;
using KvmAgent.TestSupport;

namespace KvmAgent.Tests.Status;

public sealed class StatusBoardTests
{
    [Fact]
    public void Ready_is_a_guest_that_runs_has_its_lease_and_whose_agent_answers_if_it_has_one()
    {
        var board = Boards.New();
        board.Current.Ready.ShouldBeFalse();
        board.Up().Current.Ready.ShouldBeTrue();

        board.Update(s => s with { GuestAgent = Boards.GuestAgent(answers: false) });
        board.Current.Ready.ShouldBeFalse();
        board.Update(s => s with { GuestAgent = Boards.GuestAgent(answers: true) });
        board.Current.Ready.ShouldBeTrue();

        board.Update(s => s with { Network = s.Network! with { LeaseGiven = false } });
        board.Current.Ready.ShouldBeFalse();
        board.Update(s => s with { Network = s.Network! with { LeaseGiven = true } });
        board.Signal(VmSignal.GuestPaused);
        board.Current.Ready.ShouldBeFalse();
        board.Signal(VmSignal.GuestResumed);
        board.Current.Ready.ShouldBeTrue();
    }

    [Fact]
    public void Nobody_can_say_that_it_is_ready()
    {
        var board = Boards.New();

        board.Update(s => s with { Ready = true });

        board.Current.Ready.ShouldBeFalse();
    }

    [Fact]
    public void A_change_is_told_once_with_its_time_and_reason()
    {
        var time = new ManualTime();
        var board = Boards.New(time);
        var told = new List<VmStatus>();
        board.Changed += told.Add;
        time.Advance(TimeSpan.FromSeconds(3));

        board.Signal(VmSignal.GuestPaused, "not from here");
        board.Signal(VmSignal.QemuStarting, "first");
        board.Signal(VmSignal.QemuStarting, "again");

        told.ShouldHaveSingleItem().ShouldBe(board.Current);
        (board.Current.Phase, board.Current.Reason, board.Current.Since, board.Current.Starts)
            .ShouldBe((VmPhase.Starting, "first", DateTimeOffset.UnixEpoch.AddSeconds(3), 1));
    }

    [Fact]
    public void Starts_are_counted()
    {
        var board = Boards.New().Up();
        board.Signal(VmSignal.PoweredOff);
        board.Signal(VmSignal.QemuStarting);

        board.Current.Starts.ShouldBe(2);
    }

    [Fact]
    public void The_exit_code_reaches_the_status_even_where_the_phase_stays()
    {
        var board = Boards.New().Up();
        board.Signal(VmSignal.Broke, "the guest's kernel panicked");
        board.Signal(VmSignal.Broke, "the guest's kernel panicked", 80);

        (board.Current.Phase, board.Current.ExitCode).ShouldBe((VmPhase.Crashed, 80));
    }

    [Fact]
    public void The_same_warning_is_there_once_and_news_that_are_none_are_not_told()
    {
        var board = Boards.New();
        var told = 0;
        board.Changed += _ => told++;

        board.Warn("a");
        board.Warn("b");
        board.Warn("a");
        board.Update(s => s with { Name = "web-1" });

        board.Current.Warnings.ShouldBe(["a", "b"]);
        told.ShouldBe(2);
    }
}
