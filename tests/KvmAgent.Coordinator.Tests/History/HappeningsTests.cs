using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.History;
using KvmAgent.Coordinator.Machines;

namespace KvmAgent.Coordinator.Tests.History;

/// <summary>What lies between two states of a machine.</summary>
public sealed class HappeningsTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch.AddYears(50), Before = Now.AddDays(-3);

    private static readonly MachineState Running = new(new MachineKey("shop", "web"), "u1", "i1", "Running", PowerStates.Running);

    private static readonly MachineState Stopped = Running with { InstanceUid = null, Status = "Stopped", PowerState = PowerStates.Stopped };

    [Fact]
    public void A_change_says_what_it_was_and_is() =>
        Between(Running, Stopped).ShouldBe([("changed", "u1", "Stopped", "Running", Now)]);

    [Fact]
    public void What_is_as_it_was_has_no_history() => Between(Running, Running).ShouldBeEmpty();

    [Fact]
    public void One_that_is_new_or_gone_is_told_with_its_uid()
    {
        Between(null, Stopped).ShouldBe([("created", "u1", "Stopped", null, Now)]);
        Between(Running, null).ShouldBe([("deleted", "u1", null, "Running", Now)]);
    }

    [Fact]
    public void Another_one_of_its_name_is_another() =>
        Between(Running, Stopped with { Uid = "u2" }).ShouldBe([("deleted", "u1", null, "Running", Now), ("created", "u2", "Stopped", null, Now)]);

    [Fact]
    public void One_that_runs_in_another_instance_was_restarted_and_what_stops_in_between_was_seen()
    {
        Between(Running, Running with { InstanceUid = "i2" }).ShouldBe([("restarted", "u1", "Running", null, Now)]);
        Between(Stopped, Running).ShouldBe([("changed", "u1", "Running", "Stopped", Now)]);
    }

    [Fact]
    public void A_machine_and_its_instance_go_one_after_the_other_and_are_one_machine()
    {
        var leftover = new MachineState(Running.Key, "i1", "i1", "Terminating", PowerStates.Stopping).Behind(Running);
        Between(Running, leftover).ShouldBe([("changed", "u1", "Terminating", "Running", Now)]);
        Between(leftover, null).ShouldBe([("deleted", "u1", null, "Terminating", Now)]);

        // The instance was seen first.
        var instance = new MachineState(Running.Key, "i1", "i1", "Running", PowerStates.Running);
        Between(instance, Running.Behind(instance)).ShouldBeEmpty();
        Running.Behind(instance).Uid.ShouldBe("u1");
    }

    [Fact]
    public void What_nobody_saw_is_told_as_such_and_a_creation_at_its_own_time()
    {
        var found = Happenings.Between(null, Running, Before, Now, missed: true).ShouldHaveSingleItem();
        (found.At, found.Missed, found.Message).ShouldBe((Before, true, "found when a coordinator looked again"));
        Happenings.Between(null, Running, Before, Now, missed: false).ShouldHaveSingleItem().At.ShouldBe(Now);
    }

    private static IEnumerable<(string, string?, string?, string?, DateTimeOffset)> Between(MachineState? before, MachineState? after) =>
        Happenings.Between(before, after, null, Now, missed: false).Select(static h => (h.Type, h.Uid, h.Status, h.Former, h.At));
}
