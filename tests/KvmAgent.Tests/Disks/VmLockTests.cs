using KvmAgent.Disks;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Disks;

public sealed class VmLockTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_second_one_is_told_who_and_what_until_the_first_lets_go()
    {
        var path = _directory.At("web.lock");
        using (VmLock.Take(path, "the disk of web"))
        {
            var error = Should.Throw<AgentException>(() => VmLock.Take(path, "the disk of web"));
            error.Reason.ShouldBe(FailureReason.TryAgain);
            error.Message.ShouldBe($"the disk of web is in use by another agent (lock {path}); stop that one, or wait until it has ended");
        }

        VmLock.Take(path, "the disk of web").Dispose();
    }

    [Theory]
    [InlineData("none/web.lock")]
    [InlineData("")]
    public void Where_no_file_can_be_made_the_volume_is_to_blame(string name) =>
        Should.Throw<AgentException>(() => VmLock.Take(_directory.At(name), "the disk")).ShouldSatisfyAllConditions(
            e => e.Reason.ShouldBe(FailureReason.Unwritable),
            e => e.Message.ShouldEndWith("mount a writable volume there"));

    /// <summary>The kernel lets nobody write a program that runs: ETXTBSY, whoever asks.</summary>
    [Fact]
    public void A_file_that_is_there_and_cannot_be_written_is_not_held_by_another_agent() =>
        Should.Throw<AgentException>(() => VmLock.Take(Environment.ProcessPath!, "the disk")).Reason.ShouldBe(FailureReason.Unwritable);
}
