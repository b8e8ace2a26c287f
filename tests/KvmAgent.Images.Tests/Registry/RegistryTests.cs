using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Registry;

/// <summary>Container disks of a registry that asks for a token and keeps its blobs elsewhere.</summary>
public sealed class RegistryTests : IDisposable
{
    private readonly Scratch _scratch = new();
    private readonly byte[] _disk = Samples.Raw(2 << 20);

    public void Dispose() => _scratch.Dispose();

    private string Target => Path.Combine(_scratch.Volume, "disk.img");

    [Theory]
    [InlineData("qcow2")]
    [InlineData("raw")]
    [InlineData("gzip")]
    public async Task A_disk_is_fetched_and_imported_whatever_it_is(string what)
    {
        var file = what switch { "qcow2" => Qcow2Sample.Bytes, "raw" => _disk, _ => ContainerLayer.Packed(_disk) };
        await using var registry = new RegistryDouble();
        registry.Push((ContainerLayer.Packed(ContainerLayer.Tar(("./disk/", null), ("./disk/disk.img", file))), ContainerLayer.Gzip));

        var done = await ImportAsync(registry);

        File.ReadAllBytes(Target).ShouldBe(_disk);
        done.Layers.ShouldBe(what == "gzip" ? ["gzip"] : []);
        registry.TokensGiven.ShouldBe(1);
        if (what == "gzip")
            return;
        (await FetchAsync(registry)).Digest.ShouldBe(Samples.Sha256(file));
    }

    [Fact]
    public async Task By_digest_exactly_that_image_is_had()
    {
        await using var registry = new RegistryDouble { IsOpen = true, Redirects = false };
        var digest = registry.Push(Layer(("disk/disk.img", _disk)));
        registry.AddTag("nothing", RegistryDouble.Index);

        await ImportAsync(registry.Url($"@{digest}"));

        File.ReadAllBytes(Target).ShouldBe(_disk);
        registry.TokensGiven.ShouldBe(0);
    }

    [Fact]
    public async Task Tokens_that_run_out_midway_are_renewed_once_for_all_who_read()
    {
        var large = Samples.Raw(24 << 20);
        await using var registry = new RegistryDouble { TokenLives = 4, Redirects = false };
        registry.Push((ContainerLayer.Tar(("disk/disk.img", large)), ContainerLayer.Plain));

        (await FetchAsync(registry)).Digest.ShouldBe(Samples.Sha256(large));

        registry.TokensGiven.ShouldBeInRange(2, 6);
    }

    [Fact]
    public async Task User_and_password_go_to_the_token_server_and_the_token_to_the_registry()
    {
        await using var registry = new RegistryDouble { HasUsers = true };
        registry.Push(Layer(("disk/disk.img", _disk)));

        await ImportAsync(registry, User());

        File.ReadAllBytes(Target).ShouldBe(_disk);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Wrong_or_missing_passwords_are_told_without_them(bool basic)
    {
        await using var registry = new RegistryDouble { HasUsers = true, WantsBasic = basic };
        registry.Push(Layer(("disk/disk.img", _disk)));

        var wrong = await ImportAsync(registry, User() with { Password = "wrong" }).ShouldFailAsync(ImageFailure.Unavailable, registry.Url(), "401", "check user and password");
        wrong.ShouldNotContain("wrong");
        await ImportAsync(registry).ShouldFailAsync(ImageFailure.Unavailable, "401", "give user and password");
    }

    [Fact]
    public async Task A_registry_that_asks_for_Basic_is_shown_it()
    {
        await using var registry = new RegistryDouble { WantsBasic = true };
        registry.Push(Layer(("disk/disk.img", _disk)));

        await ImportAsync(registry, User());

        File.ReadAllBytes(Target).ShouldBe(_disk);
    }

    public static TheoryData<string, string> Bends => new()
    {
        { "data", "its digest is" },
        { "padding", "it is a tar archive" },
        { "trailer", "refused" },
        { "short", "bytes, and" },
        { "long", "bytes, and" },
        { "inner tar", "it is a tar archive" },
        { "manifest", "its digest is" },
    };

    [Theory]
    [MemberData(nameof(Bends))]
    public async Task One_bent_byte_anywhere_is_found_out_and_leaves_nothing(string what, string words)
    {
        await using var registry = new RegistryDouble { IsOpen = true };
        var file = what == "inner tar" ? ContainerLayer.Tar(("disk.raw", _disk)) : _disk;
        var layer = what == "trailer" ? (ContainerLayer.Packed(ContainerLayer.Tar(("disk/disk.img", file))), ContainerLayer.Gzip)
            : (ContainerLayer.Tar(("disk/disk.img", file)), ContainerLayer.Plain);
        var digest = registry.Push(layer);
        var name = what == "manifest" ? digest : Samples.Sha256(layer.Item1);
        registry.Bend = (asked, content) => asked != name ? content : what switch
        {
            "short" => content[..^512],
            "long" => [.. content, .. new byte[512]],
            "manifest" => [.. content.Select(b => b == (byte)'{' ? (byte)' ' : b)],
            "data" => [.. content[..300_000], (byte)(content[300_000] ^ 1), .. content[300_001..]],
            _ => [.. content[..^1], (byte)(content[^1] ^ 1)],
        };

        await ImportAsync(registry).ShouldFailAsync(ImageFailure.Refused, registry.Url(), words);
        _scratch.Names.ShouldBeEmpty();
        if (what == "inner tar")
            return;
        await FetchAsync(registry).ShouldFailAsync(ImageFailure.Refused, registry.Url(), words);
        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_highest_layer_with_a_disk_counts()
    {
        await using var registry = new RegistryDouble { IsOpen = true };
        registry.Push(Layer(("disk/old.img", Samples.Raw(1 << 20, 7))), Layer(("disk/disk.img", _disk)), Layer(("etc/hostname", [1])));

        await ImportAsync(registry);

        File.ReadAllBytes(Target).ShouldBe(_disk);
    }

    [Fact]
    public async Task A_file_that_a_higher_layer_has_removed_is_not_there()
    {
        await using var registry = new RegistryDouble { IsOpen = true };
        registry.Push(Layer(("disk/disk.img", _disk), ("disk/wrong.img", [1])), Layer(("disk/.wh.wrong.img", [])));

        await ImportAsync(registry);

        File.ReadAllBytes(Target).ShouldBe(_disk);
    }

    [Theory]
    [InlineData("disk/.wh..wh..opq")]
    [InlineData(".wh.disk")]
    [InlineData(".wh..wh..opq")]
    public async Task Nothing_is_seen_below_a_layer_that_hides_it(string whiteout)
    {
        await using var registry = new RegistryDouble { IsOpen = true };
        registry.Push(Layer(("disk/disk.img", _disk)), Layer((whiteout, [])));

        await ImportAsync(registry).ShouldFailAsync(ImageFailure.Refused, "none of its layers", "/disk", "FROM scratch");
    }

    [Theory]
    [InlineData("disk/../disk/x")]
    [InlineData("disk/sub/x")]
    [InlineData("data/disk.img")]
    public async Task Files_elsewhere_are_no_disks(string name)
    {
        await using var registry = new RegistryDouble { IsOpen = true };
        registry.Push(Layer((name, _disk)));

        await ImportAsync(registry).ShouldFailAsync(ImageFailure.Refused, "none of its layers");
    }

    [Fact]
    public async Task Two_disks_are_refused_by_their_names()
    {
        await using var registry = new RegistryDouble { IsOpen = true };
        registry.Push(Layer(("disk/a.img", _disk), ("disk/b.img", _disk)));

        await ImportAsync(registry).ShouldFailAsync(ImageFailure.Refused, "'a.img', 'b.img'");
        await FetchAsync(registry).ShouldFailAsync(ImageFailure.Refused, "'a.img', 'b.img'");
        _scratch.Names.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("disk/disk.img")]
    [InlineData("disk")]
    public async Task A_link_is_refused(string name)
    {
        await using var registry = new RegistryDouble { IsOpen = true };
        registry.Push(Layer((name, null)));

        await ImportAsync(registry).ShouldFailAsync(ImageFailure.Refused, "/disk", "a symbolic link");
    }

    public static TheoryData<string, string> Manifests => new()
    {
        { """{"schemaVersion":1,"fsLayers":[]}""", "schema 1" },
        { """{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"layers":[]}""", "at once" },
        { """{"schemaVersion":2,"mediaType":"application/vnd.cncf.helm.config.v1+json"}""", "of the kind" },
        { """[]""", "no object" },
        { """<html>""", "cannot be understood" },
        { """{"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","size":-1,"digest":"sha256:0"}]}""", "digest" },
        { $$"""{"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","size":1,"digest":"sha256:{{new string('a', 64)}}"}]}""", "no registry may hold" },
        { $$"""{"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","urls":["http://x/"],"size":1,"digest":"sha256:{{new string('a', 64)}}"}]}""", "another address" },
        { $$"""{"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[{"mediaType":"application/wasm","size":1,"digest":"sha256:{{new string('a', 64)}}"}]}""", "'application/wasm'" },
    };

    [Theory]
    [MemberData(nameof(Manifests))]
    public async Task What_is_no_container_disk_is_refused_by_its_manifest(string manifest, string words)
    {
        await using var registry = new RegistryDouble { IsOpen = true };
        registry.AddTag(manifest, RegistryDouble.Manifest);

        await ImportAsync(registry).ShouldFailAsync(ImageFailure.Refused, registry.Url(), words);
    }

    [Fact]
    public async Task An_image_for_other_machines_tells_which()
    {
        await using var registry = new RegistryDouble { IsOpen = true };
        registry.AddTag($$"""
            {"mediaType":"{{RegistryDouble.Index}}","manifests":[{"mediaType":"{{RegistryDouble.Manifest}}","digest":"sha256:{{new string('a', 64)}}","size":7,
            "platform":{"os":"linux","architecture":"s390x"} }]}
            """, RegistryDouble.Index);

        await ImportAsync(registry).ShouldFailAsync(ImageFailure.Unavailable, "not available for linux/", "there is linux/s390x");
    }

    [Fact]
    public async Task A_tag_that_is_not_there_is_told()
    {
        await using var registry = new RegistryDouble();

        await ImportAsync(registry).ShouldFailAsync(ImageFailure.Unavailable, "404 MANIFEST_UNKNOWN", "check tag or digest");
    }

    [Fact]
    public async Task A_token_server_may_not_be_where_no_image_server_is()
    {
        await using var registry = new FaultServer(_ => Answer.Text(401, "") with { Headers = [("WWW-Authenticate", "Bearer realm=\"http://169.254.169.254/token\"")] });

        await ImportAsync($"docker+http://127.0.0.1:{registry.Port}/disks/x").ShouldFailAsync(ImageFailure.Refused, "metadata service");
    }

    [Fact]
    public async Task A_token_server_without_TLS_is_shown_nothing_where_the_registry_has_it()
    {
        using var authority = Certificates.Authority("CN=Test CA");
        using var certificate = Certificates.Issue(authority, System.Net.IPAddress.Loopback);
        await using var tokens = new FaultServer(_ => Answer.Text(200, "{}"));
        await using var registry = new FaultServer(
            _ => Answer.Text(401, "") with { Headers = [("WWW-Authenticate", $"Bearer realm=\"{tokens.Url("/token")}\"")] }, certificate);

        await ImportAsync($"docker://127.0.0.1:{registry.Port}/disks/x", User() with { CaFile = Certificates.File(_scratch, authority) })
            .ShouldFailAsync(ImageFailure.Refused, "speaks https", tokens.Url("/token"));

        tokens.Heard.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_registry_that_is_asked_by_https_is_never_asked_by_http()
    {
        await using var registry = new FaultServer(_ => Answer.Text(200, "{}"));

        await ImportAsync($"docker://127.0.0.1:{registry.Port}/disks/x").ShouldFailAsync(ImageFailure.Unavailable, $"docker://127.0.0.1:{registry.Port}/disks/x");

        registry.Heard.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("docker://docker.io/kubevirt/x", "https://registry-1.docker.io/", "kubevirt/x", "latest")]
    [InlineData("docker://docker.io/fedora:40", "https://registry-1.docker.io/", "library/fedora", "40")]
    [InlineData("oci://quay.io/containerdisks/fedora:40", "https://quay.io/", "containerdisks/fedora", "40")]
    [InlineData("docker+http://localhost/a/b_c.d-e", "http://localhost/", "a/b_c.d-e", "latest")]
    public void A_reference_is_read_as_docker_reads_it(string source, string server, string repository, string name)
    {
        var reference = KvmAgent.Images.Registry.RegistryReference.Parse(source);

        (reference.Server.ToString(), reference.Repository, reference.Name, reference.Shown).ShouldBe((server, repository, name, source));
    }

    private static SourceAccess User() => Quick.Loopback with { User = RegistryDouble.User, Password = RegistryDouble.Password };

    private static (byte[], string) Layer(params (string Name, byte[]? Content)[] entries) =>
        (ContainerLayer.Packed(ContainerLayer.Tar(entries)), ContainerLayer.Gzip);

    private Task<BaseImage> FetchAsync(RegistryDouble registry) => Quick.EnsureAsync(_scratch.Request(registry.Url()));

    private Task<DiskImported> ImportAsync(RegistryDouble registry, SourceAccess? access = null) => ImportAsync(registry.Url(), access);

    private Task<DiskImported> ImportAsync(string source, SourceAccess? access = null) => DiskImport.RunAsync(
        new DiskImportRequest { Source = source, Target = Target, Access = access ?? Quick.Loopback }, null,
        TimeProvider.System, Quick.Timings, CancellationToken.None);
}
