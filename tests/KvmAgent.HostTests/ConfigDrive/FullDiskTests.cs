using KvmAgent.ConfigDrive;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.ConfigDrive;

public sealed class FullDiskTests : IAsyncLifetime
{
    private readonly string _disk = Directory.CreateTempSubdirectory("full-disk-").FullName;

    public Task InitializeAsync() => ProcessRunner.RunAsync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", _disk]);

    public async Task DisposeAsync()
    {
        await ProcessRunner.RunAsync("umount", [_disk]);
        Directory.Delete(_disk);
    }

    [Fact]
    public void A_full_disk_is_named_and_nothing_is_left_on_it()
    {
        var destination = Path.Combine(_disk, "config.iso");

        var error = Should.Throw<AgentException>(() => ConfigDriveIso.Write(Tree(1 << 20), destination));

        error.Reason.ShouldBe(FailureReason.Unwritable);
        error.Message.ShouldStartWith($"cannot write the drive {destination}: ");
        Directory.GetFileSystemEntries(_disk).ShouldBeEmpty();

        ConfigDriveIso.Write(Tree(1 << 10), destination);
        File.Exists(destination).ShouldBeTrue();
    }

    private static ConfigDriveTree Tree(int size) => new("config-2", [new ConfigDriveFile("openstack/latest/user_data", new byte[size])], []);
}
