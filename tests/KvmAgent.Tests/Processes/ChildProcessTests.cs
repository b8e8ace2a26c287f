using System.Collections.Concurrent;
using System.Globalization;
using KvmAgent.Processes;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Processes;

public sealed class ChildProcessTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task It_runs_with_its_arguments_and_tells_its_exit()
    {
        var lines = new ConcurrentQueue<string>();
        using var child = ChildProcess.Start(Record, "sh", ["-c", """printf '%s\n' "$@"; exit 3""", "sh", "a b", "$c", "'d"], lines.Enqueue);

        (await child.Exited).ShouldBe(new ChildExit(3));
        lines.ShouldBe(["a b", "$c", "'d"]);
        File.Exists(Record).ShouldBeFalse();
    }

    [Fact]
    public async Task Its_record_is_written_before_it_begins()
    {
        var lines = new ConcurrentQueue<string>();
        using var child = ChildProcess.Start(Record, "sh", ["-c", """cat "$1"; echo $$; read -r input || echo none""", "sh", Record], lines.Enqueue);

        await child.Exited;
        var pid = child.Pid.ToString(CultureInfo.InvariantCulture);
        lines.Count.ShouldBe(3);
        lines.First().ShouldStartWith($"{pid} ");
        lines.Skip(1).ShouldBe([pid, "none"]);
    }

    [Fact]
    public async Task What_cannot_be_recorded_never_begins()
    {
        var (lines, mark) = (new ConcurrentQueue<string>(), _directory.At("begun"));
        Should.Throw<DirectoryNotFoundException>(() => ChildProcess.Start(_directory.At("none", "a.pid"), "touch", [mark], lines.Enqueue));

        // One that is recorded, started later, ends later.
        using var next = ChildProcess.Start(Record, "true", [], lines.Enqueue);
        await next.Exited;
        File.Exists(mark).ShouldBeFalse();
        lines.ShouldBeEmpty();
    }

    [Fact]
    public async Task What_a_predecessor_left_is_ended_by_its_record()
    {
        using var child = ChildProcess.Start(Record, "sleep", ["1000"], _ => { });
        await ChildProcess.EndLeftoverAsync(Record, TimeProvider.System, CancellationToken.None);
        (await child.Exited).Signal.ShouldBe(Native.SigKill);
        File.Exists(Record).ShouldBeFalse();
    }

    private string Record => _directory.At("child.pid");
}
