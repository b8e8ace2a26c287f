using System.Text;
using KvmAgent.ConfigDrive;

namespace KvmAgent.Tests.ConfigDrive;

public sealed class ConfigDriveIsoTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _directory = Directory.CreateTempSubdirectory("config-drive-").FullName;

    private string Destination => Path.Combine(_directory, "config.iso");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Only_the_owner_may_read_it_and_nothing_else_is_left()
    {
        ConfigDriveIso.Write(Tree("secret"), Destination);

        Directory.GetFiles(_directory).ShouldBe([Destination]);
        File.GetUnixFileMode(Destination).ShouldBe(OwnerOnly);
        Encoding.Latin1.GetString(File.ReadAllBytes(Destination)).ShouldContain("secret");
    }

    [Fact]
    public void The_same_files_give_the_same_bytes()
    {
        ConfigDriveIso.Write(Tree("one"), Destination);
        var first = File.ReadAllBytes(Destination);
        ConfigDriveIso.Write(Tree("two"), Destination);
        var other = File.ReadAllBytes(Destination);
        ConfigDriveIso.Write(Tree("one"), Destination);

        File.ReadAllBytes(Destination).ShouldBe(first);
        other.ShouldNotBe(first);
    }

    [Fact]
    public void It_can_be_given_away_before_it_has_its_final_name()
    {
        var seen = "";
        ConfigDriveIso.Write(Tree("x"), Destination, temporary =>
        {
            seen = temporary;
            File.Exists(Destination).ShouldBeFalse();
            File.GetUnixFileMode(temporary).ShouldBe(OwnerOnly);
            new FileInfo(temporary).Length.ShouldBeGreaterThan(0);
        });

        seen.ShouldNotBeEmpty();
        File.Exists(seen).ShouldBeFalse();
    }

    [Fact]
    public void A_failure_leaves_the_former_drive_and_nothing_half_made()
    {
        File.WriteAllText(Destination, "former");

        Should.Throw<InvalidOperationException>(
            () => ConfigDriveIso.Write(Tree("x"), Destination, _ => throw new InvalidOperationException()));

        Directory.GetFiles(_directory).ShouldBe([Destination]);
        File.ReadAllText(Destination).ShouldBe("former");
    }

    [Fact]
    public void What_a_killed_agent_left_is_replaced_even_if_it_is_a_link()
    {
        var elsewhere = Path.Combine(_directory, "elsewhere");
        File.WriteAllText(elsewhere, "mine");
        File.CreateSymbolicLink(Destination + ".new", elsewhere);

        ConfigDriveIso.Write(Tree("x"), Destination);

        File.ReadAllText(elsewhere).ShouldBe("mine");
        Directory.GetFiles(_directory).Order().ShouldBe([Destination, elsewhere]);
    }

    [Fact]
    public void A_directory_that_is_not_there_is_named()
    {
        var error = Should.Throw<AgentException>(() => ConfigDriveIso.Write(Tree("x"), "/nowhere/config.iso"));

        error.Reason.ShouldBe(FailureReason.Unwritable);
        error.Message.ShouldContain("/nowhere/config.iso");
    }

    private static ConfigDriveTree Tree(string userData) =>
        new("config-2", [new ConfigDriveFile("openstack/latest/user_data", Encoding.UTF8.GetBytes(userData))], []);
}
