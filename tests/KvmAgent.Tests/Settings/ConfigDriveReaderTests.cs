using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Settings;

public sealed class ConfigDriveReaderTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("userdata")]
    [InlineData("userData")]
    [InlineData("userdata", "userData")]
    public void Of_a_directory_the_user_data_is_the_key_that_kubevirt_would_take(params string[] keys)
    {
        foreach (var key in keys)
        {
            _directory.Write(key, "#cloud-config\n");
        }

        Given.Settings(("USERDATA_FILE", _directory.FullPath)).ConfigDrive.UserdataFile.ShouldBe(_directory.At(keys[0]));
    }

    [Fact]
    public void Of_a_directory_the_network_data_is_a_key_too()
    {
        _directory.Write("networkData", "links: []\n");

        Given.Settings(("NETWORKDATA_FILE", _directory.FullPath)).ConfigDrive.NetworkdataFile.ShouldBe(_directory.At("networkData"));
    }

    [Theory]
    [InlineData("USERDATA_FILE", "has neither a file userdata nor userData; give the Secret one of these keys")]
    [InlineData("NETWORKDATA_FILE", "has neither a file networkdata nor networkData; give the Secret one of these keys")]
    [InlineData("METADATA_FILE", "there is no such file")]
    public void A_directory_without_the_keys_is_an_error(string name, string error) =>
        Given.Errors((name, _directory.FullPath)).ShouldHaveSingleItem().ShouldContain(error);

    [Fact]
    public void Keys_without_a_drive_to_hand_them_over_by_are_an_error() =>
        Given.Errors(("SSH_KEY_DIRS", _directory.FullPath), ("CONFIG_DRIVE", "none")).ShouldHaveSingleItem()
            .ShouldContain("there is no config drive to hand the keys over by, as CONFIG_DRIVE is none; set it to openstack or nocloud");
}
