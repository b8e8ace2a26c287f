using KvmAgent.Processes;
using KvmAgent.Qemu;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Qemu;

/// <summary>Real files and owners: these tests run as root, as the agent does.</summary>
public sealed class QemuUserTests : IDisposable
{
    private const UnixFileMode Passable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private readonly TempDirectory _directory = new();

    public QemuUserTests() => File.SetUnixFileMode(_directory.FullPath, Passable);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_file_to_write_becomes_qemus_and_the_agents_group_keeps_it()
    {
        var path = Make(0, 0, "600");

        QemuUser.Grant(path, write: true);

        Access(path).ShouldBe((QemuUser.Id, 0u, "660"));
    }

    [Theory]
    [InlineData("600", "640")]
    [InlineData("640", "640")]
    [InlineData("400", "440")]
    public void A_file_to_read_keeps_its_owner_so_that_qemu_cannot_make_it_writable(string mode, string then)
    {
        var path = Make(0, 0, mode);

        QemuUser.Grant(path, write: false);

        Access(path).ShouldBe((0u, QemuUser.Id, then));
        Native.Stat(path)!.Value.Allows(QemuUser.Id, [QemuUser.Id], 2).ShouldBeFalse();
    }

    [Theory]
    [InlineData(0, 0, "444", false)]
    [InlineData(0, 0, "666", true)]
    [InlineData(1000, 107, "660", true)]
    [InlineData(107, 107, "600", true)]
    public void A_file_that_qemu_may_open_already_is_left_as_it_is(uint owner, uint group, string mode, bool write)
    {
        var path = Make(owner, group, mode);

        QemuUser.Grant(path, write);

        Access(path).ShouldBe((owner, group, mode));
    }

    [Fact]
    public async Task What_qemu_is_given_it_can_open_and_what_not_it_cannot()
    {
        var given = Make(0, 0, "600", "given");
        var kept = Make(0, 0, "600", "kept");

        QemuUser.Grant(given, write: true);

        (await QemuAsync("test", "-w", given)).ShouldBe(0);
        (await QemuAsync("test", "-w", kept)).ShouldBe(1);
    }

    [Fact]
    public void A_directory_that_bars_the_way_is_named()
    {
        var path = Make(0, 0, "666", "closed/disk.img");
        File.SetUnixFileMode(_directory.At("closed"), UnixFileMode.UserRead | UnixFileMode.UserExecute);

        Should.Throw<AgentException>(() => QemuUser.Grant(path, write: true)).ShouldSatisfyAllConditions(
            e => e.Reason.ShouldBe(FailureReason.Missing),
            e => e.Message.ShouldBe($"{_directory.At("closed")} does not let QEMU's user 107 pass to {path}; chmod o+x it, or give it the group 107 and chmod g+x it"));
    }

    [Fact]
    public void A_file_that_is_not_there_is_an_error() =>
        Should.Throw<AgentException>(() => QemuUser.Grant(_directory.At("none"), write: false)).Message.ShouldBe($"{_directory.At("none")} is not there");

    [Fact]
    public void What_is_qemus_own_nobody_else_reads()
    {
        var path = Make(0, 0, "644");

        QemuUser.GiveOwn(path);

        Access(path).ShouldBe((QemuUser.Id, QemuUser.Id, "600"));
    }

    [Fact]
    public void Its_directory_is_shared_with_the_agents_group_alone()
    {
        QemuUser.MakeDirectory(_directory.At("qemu"));

        Access(_directory.At("qemu")).ShouldBe((QemuUser.Id, 0u, "2770"));
    }

    [Theory]
    [InlineData(107, 0, 0x180, 6, true)] // rw-------: the owner
    [InlineData(107, 0, 0x136, 2, false)] // r--rw-rw-: an owner is judged by the owner's bits alone
    [InlineData(0, 107, 0x020, 4, true)] // ----r-----: the group
    [InlineData(0, 107, 0x006, 4, false)] // -------rw-: a member is judged by the group's bits alone
    [InlineData(0, 0, 0x004, 4, true)] // -------r--: everybody
    [InlineData(0, 0, 0x004, 6, false)]
    [InlineData(0, 36, 0x1b0, 6, true)] // rw-rw----: a further group
    public void Who_may_is_judged_as_the_kernel_does(uint owner, uint group, ushort mode, int wanted, bool allowed) =>
        new FileAccessInfo(owner, group, mode).Allows(107, [107, 36], wanted).ShouldBe(allowed);

    private static async Task<int> QemuAsync(params string[] command)
    {
        var (program, arguments) = QemuUser.Command([], command[0], command[1..]);
        return (await ProcessRunner.TryRunAsync(program, arguments)).ExitCode;
    }

    private string Make(uint owner, uint group, string mode, string name = "file")
    {
        var path = _directory.Write(name, "");
        for (var above = Path.GetDirectoryName(path)!; above != _directory.FullPath; above = Path.GetDirectoryName(above)!)
        {
            File.SetUnixFileMode(above, Passable);
        }

        Native.Chown(path, owner, group).ShouldBe(0);
        File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32(mode, 8));
        return path;
    }

    private static (uint Owner, uint Group, string Mode) Access(string path)
    {
        var info = Native.Stat(path)!.Value;
        return (info.Owner, info.Group, Convert.ToString(info.Mode & 0xfff, 8));
    }
}
