using System.Text;
using KvmAgent.Contracts;
using KvmAgent.Status;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Status;

public sealed class TerminationMessageTests : IDisposable
{
    private readonly TempDirectory _root = new();

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData(null, "Stopped\n")]
    [InlineData("the guest powered off", "Stopped: the guest powered off\n")]
    public void The_last_phase_and_reason_replace_what_was_there(string? reason, string text)
    {
        var path = _root.Write("dev/termination-log", "what an earlier one said, which is longer than the new one");

        Write(VmPhase.Stopped, reason);

        File.ReadAllText(path).ShouldBe(text);
    }

    [Fact]
    public void Where_the_kubelet_made_no_file_none_is_made()
    {
        Directory.CreateDirectory(_root.At("dev"));

        Write(VmPhase.Failed, "no");

        Directory.EnumerateFiles(_root.At("dev")).ShouldBeEmpty();
    }

    [Fact]
    public void It_is_no_longer_than_the_kubelet_reads_and_whole_characters()
    {
        var path = _root.Write("dev/termination-log", "");

        Write(VmPhase.Failed, new string('é', 5000));

        var bytes = File.ReadAllBytes(path);
        bytes.Length.ShouldBeInRange(4093, 4096);
        new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes).ShouldStartWith("Failed: éé");
    }

    private void Write(VmPhase phase, string? reason) =>
        TerminationMessage.Write(new HostPaths(_root.FullPath), Boards.New().Current with { Phase = phase, Reason = reason });
}
