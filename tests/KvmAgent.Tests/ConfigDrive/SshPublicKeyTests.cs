using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.ConfigDrive;
using KvmAgent.Documents;

namespace KvmAgent.Tests.ConfigDrive;

public sealed class SshPublicKeyTests
{
    private const string
        One = "AAAAC3NzaC1lZDI1NTE5AAAAIGOb5tgNPyBVIPgDPoYLXqzYYfQ+tO21oRxbyz3QiVmS",
        Two = "AAAAC3NzaC1lZDI1NTE5AAAAIA3ldLPcCnQ9Rvv2Z8UCNsnPMGwp2ZpcJv5lXKk1oqVu";

    [Fact]
    public void Keys_stand_one_a_line_with_options_and_comments_or_without() =>
        Read($"# mine\n\nssh-ed25519 {One}\r\ncommand=\"echo a b\",no-pty ssh-ed25519 {Two} me@home\n")
            .ShouldBe([new($"ssh-ed25519 {One}", One), new($"command=\"echo a b\",no-pty ssh-ed25519 {Two} me@home", Two)]);

    [Theory]
    [InlineData("-----BEGIN OPENSSH PRIVATE KEY-----\nsecret", "line 1: this is a private key, which no guest shall get")]
    [InlineData("\n-----BEGIN RSA PRIVATE KEY-----\nsecret", "line 2: this is a private key")]
    [InlineData("PuTTY-User-Key-File-3: ssh-ed25519\nsecret", "line 1: this is a private key")]
    [InlineData("# my key\nsecret", "line 2: this is no SSH public key; write one a line")]
    [InlineData("ssh-ed25519 secret", "this is no SSH public key")]
    [InlineData("ssh-rsa " + One + " secret", "this is no SSH public key")]
    [InlineData("ssh-ed25519", "this is no SSH public key")]
    public void What_is_none_is_refused_by_its_place_alone(string text, string error)
    {
        var refused = Should.Throw<AgentException>(() => Read(text));

        refused.Reason.ShouldBe(FailureReason.Refused);
        refused.Message.ShouldStartWith("/keys/me, line ");
        refused.Message.ShouldContain(error);
        refused.Message.ShouldNotContain("secret");
    }

    [Theory]
    [InlineData("openstack")]
    [InlineData("nocloud")]
    public void They_join_those_of_the_metadata_and_each_is_there_once(string name)
    {
        var format = name == "nocloud" ? ConfigDriveFormat.NoCloud : ConfigDriveFormat.OpenStack;
        var tree = ConfigDriveTree.Create(new ConfigDriveInput
        {
            Format = format,
            VmName = "web-0",
            InstanceId = Guid.Empty,
            Metadata = new SourceFile("/metadata", Encoding.UTF8.GetBytes($"public-keys: [\"ssh-ed25519 {One} from-metadata\"]")),
            SshKeys = [.. Read($"ssh-ed25519 {Two} first\nssh-ed25519 {One} again\nssh-ed25519 {Two} second\n")],
        });

        var metadata = JsonNode.Parse(tree.Files[0].Content.Span)!;
        var keys = format == ConfigDriveFormat.NoCloud
            ? metadata["public-keys"]!.AsArray().Select(key => (string?)key)
            : metadata["public_keys"]!.AsObject().Select(key => (string?)key.Value);
        keys.ShouldBe([$"ssh-ed25519 {One} from-metadata", $"ssh-ed25519 {Two} first"]);
    }

    private static List<SshPublicKey> Read(string text) => [.. SshPublicKey.ReadAll(new SourceFile("/keys/me", Encoding.UTF8.GetBytes(text)))];
}
