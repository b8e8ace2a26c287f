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
    public async Task Only_the_owner_may_read_it_and_nothing_else_is_left()
    {
        await ConfigDriveIso.WriteAsync(Tree("secret"), Destination);

        Directory.GetFiles(_directory).ShouldBe([Destination]);
        File.GetUnixFileMode(Destination).ShouldBe(OwnerOnly);
        Encoding.Latin1.GetString(await File.ReadAllBytesAsync(Destination)).ShouldContain("secret");
    }

    [Fact]
    public async Task The_same_files_give_the_same_bytes()
    {
        await ConfigDriveIso.WriteAsync(Tree("one"), Destination);
        var first = await File.ReadAllBytesAsync(Destination);
        await ConfigDriveIso.WriteAsync(Tree("two"), Destination);
        var other = await File.ReadAllBytesAsync(Destination);
        await ConfigDriveIso.WriteAsync(Tree("one"), Destination);

        (await File.ReadAllBytesAsync(Destination)).ShouldBe(first);
        other.ShouldNotBe(first);
    }

    [Fact]
    public async Task It_can_be_given_away_before_it_has_its_final_name()
    {
        var seen = "";
        await ConfigDriveIso.WriteAsync(Tree("x"), Destination, temporary =>
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
    public async Task A_failure_leaves_the_former_drive_and_nothing_half_made()
    {
        await File.WriteAllTextAsync(Destination, "former");

        await Should.ThrowAsync<InvalidOperationException>(
            () => ConfigDriveIso.WriteAsync(Tree("x"), Destination, _ => throw new InvalidOperationException()));

        Directory.GetFiles(_directory).ShouldBe([Destination]);
        (await File.ReadAllTextAsync(Destination)).ShouldBe("former");
    }

    [Fact]
    public async Task What_a_killed_agent_left_is_replaced_even_if_it_is_a_link()
    {
        var elsewhere = Path.Combine(_directory, "elsewhere");
        await File.WriteAllTextAsync(elsewhere, "mine");
        File.CreateSymbolicLink(Destination + ".new", elsewhere);

        await ConfigDriveIso.WriteAsync(Tree("x"), Destination);

        (await File.ReadAllTextAsync(elsewhere)).ShouldBe("mine");
        Directory.GetFiles(_directory).Order().ShouldBe([Destination, elsewhere]);
    }

    [Fact]
    public async Task A_directory_that_is_not_there_is_named()
    {
        var error = await Should.ThrowAsync<AgentException>(() => ConfigDriveIso.WriteAsync(Tree("x"), "/nowhere/config.iso"));

        error.Reason.ShouldBe(FailureReason.Unwritable);
        error.Message.ShouldContain("/nowhere/config.iso");
    }

    private static ConfigDriveTree Tree(string userData) =>
        new("config-2", [new ConfigDriveFile("openstack/latest/user_data", Encoding.UTF8.GetBytes(userData))], []);
}
