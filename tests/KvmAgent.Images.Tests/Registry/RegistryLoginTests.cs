using System.Text;
using KvmAgent.Images.Registry;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Registry;

/// <summary>Users out of the file that REGISTRY_AUTH_FILE names.</summary>
public sealed class RegistryLoginTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    private string AuthFile => Path.Combine(_scratch.Volume, "auth.json");

    [Theory]
    [InlineData("docker://quay.io/team/disks/fedora:40", """{"quay.io": USER}""")]
    [InlineData("oci://quay.io/team/disks/fedora", """{"quay.io": OTHER, "quay.io/team": USER, "quay.io/tea": OTHER, "quay.io/team/disks/fedor": OTHER}""")]
    [InlineData("docker://quay.io/team/disks/fedora", """{"quay.io/team": OTHER, "quay.io/team/disks/fedora": USER}""")]
    [InlineData("docker://quay.io/team/x", """{"other.io": OTHER, "https://quay.io/v2/": USER}""")]
    [InlineData("docker://quay.io/team/x", """{"https://quay.io/v2/": OTHER, "quay.io": USER}""")]
    [InlineData("docker://quay.io/team/x", """{"QUAY.IO/": USER}""")]
    [InlineData("docker://quay.io:443/team/x", """{"quay.io:443": USER}""")]
    [InlineData("docker://quay.io:8443/team/x", """{"quay.io": OTHER, "quay.io:8443": USER}""")]
    [InlineData("docker://docker.io/fedora", """{"https://index.docker.io/v1/": USER}""")]
    [InlineData("docker://docker.io/team/fedora", """{"docker.io": USER}""")]
    [InlineData("docker://docker.io/fedora", """{"docker.io": OTHER, "docker.io/library/fedora": USER}""")]
    [InlineData("docker://index.docker.io/fedora", """{"registry-1.docker.io": USER}""")]
    public void A_user_is_the_one_of_the_longest_name_that_leads_to_the_repository(string source, string auths)
    {
        var access = Read(source, auths.Replace("USER", Entry("robot:a:b"), StringComparison.Ordinal).Replace("OTHER", Entry("other:x"), StringComparison.Ordinal));

        (access.User, access.Password).ShouldBe(("robot", "a:b"));
    }

    [Theory]
    [InlineData("""{"other.io": {"auth": "eDp5"}}""")]
    [InlineData("""{"quay.io:8443": {"auth": "eDp5"}}""")]
    [InlineData("""{"quay.io": {}}""")]
    [InlineData("{}")]
    public void Where_no_name_leads_there_nobody_is_shown(string auths) => Read("docker://quay.io/team/x", auths).User.ShouldBeNull();

    [Fact]
    public void User_and_password_may_stand_there_in_plain_and_NULs_behind_a_password_are_dockers()
    {
        Read("docker://quay.io/x", """{"quay.io": {"username": "me", "password": "p", "auth": "eDp5"}}""").Password.ShouldBe("p");
        Read("docker://quay.io/x", $$"""{"quay.io": {{Entry("me:p\0\0")}} }""").Password.ShouldBe("p");
    }

    [Fact]
    public void Who_is_named_by_himself_is_the_one() =>
        Read("docker://quay.io/x", $$"""{"quay.io": {{Entry("robot:a")}} }""", new SourceAccess { User = "me", Password = "mine" }).User.ShouldBe("me");

    [Theory]
    [InlineData("{\"auths\": {\n  hush", "is not JSON at line 2, byte 3")]
    [InlineData("""{"quay.io": {"auth": "aHVzaA=="}}""", "has no object 'auths'")]
    [InlineData("[]", "has no object 'auths'")]
    [InlineData("""{"auths": {"quay.io": "hush"}}""", "has at auths[\"quay.io\"] no object")]
    [InlineData("""{"auths": {"quay.io": {"auth": "aHVzaA=="}}}""", "has at auths[\"quay.io\"].auth no base64 of USER:PASSWORD")]
    [InlineData("""{"auths": {"quay.io": {"auth": "hush!"}}}""", "has at auths[\"quay.io\"].auth no base64 of USER:PASSWORD")]
    [InlineData("""{"auths": {"quay.io": {"auth": 7}}}""", "has at auths[\"quay.io\"].auth no text")]
    [InlineData("""{"auths": {"quay.io": {"identitytoken": "hush"}}}""", "has at auths[\"quay.io\"] an identitytoken, which is not supported")]
    public void A_file_that_is_none_is_told_by_name_and_place_alone(string text, string words)
    {
        File.WriteAllText(AuthFile, text);

        var error = Should.Throw<ImageException>(() => Add("docker://quay.io/x", new SourceAccess()));

        error.Reason.ShouldBe(ImageFailure.Settings);
        error.Message.ShouldStartWith($"the registry logins {AuthFile}: the file {words}; write ");
        error.Message.ShouldNotContain("hush");
        error.Message.ShouldNotContain("aHVz");
    }

    [Fact]
    public void A_file_that_is_not_there_is_told() =>
        Should.Throw<ImageException>(() => Add("docker://quay.io/x", new SourceAccess())).Message.ShouldContain(AuthFile);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_disk_is_had_with_the_user_of_the_file(bool basic)
    {
        var disk = Samples.Raw(2 << 20);
        await using var registry = new RegistryDouble { HasUsers = true, WantsBasic = basic };
        registry.Push((ContainerLayer.Packed(ContainerLayer.Tar(("disk/disk.img", disk))), ContainerLayer.Gzip));
        File.WriteAllText(AuthFile, $$"""{"auths": {"127.0.0.1:{{registry.Registry.Port}}": {{Entry($"{RegistryDouble.User}:{RegistryDouble.Password}")}} } }""");
        var access = Quick.Loopback with { RegistryAuthFile = AuthFile };

        (await Quick.EnsureAsync(_scratch.Request(registry.Url()) with { Access = access })).Digest.ShouldBe(Samples.Sha256(disk));

        File.WriteAllText(AuthFile, """{"auths": {}}""");
        await Quick.EnsureAsync(_scratch.Request(registry.Url()) with { Access = access, Name = "other.img" })
            .ShouldFailAsync(ImageFailure.Unavailable, "401", "give user and password");
    }

    private SourceAccess Read(string source, string auths, SourceAccess? access = null)
    {
        File.WriteAllText(AuthFile, $$"""{"auths": {{auths}} }""");
        return Add(source, access ?? new SourceAccess());
    }

    private SourceAccess Add(string source, SourceAccess access) => RegistryLogin.AddTo(access with { RegistryAuthFile = AuthFile }, RegistryReference.Parse(source));

    private static string Entry(string login) => $$"""{"auth": "{{Convert.ToBase64String(Encoding.UTF8.GetBytes(login))}}" }""";
}
