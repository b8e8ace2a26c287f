using KvmAgent.Import;
using KvmAgent.Settings;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Import;

/// <summary>The variables and paths of CDI's importer pods.</summary>
public sealed class ImporterEnvironmentTests : IDisposable
{
    private readonly TempDirectory _root = new();

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData(null, "http://host/disk.qcow2", "http://host/disk.qcow2", null, null)]
    [InlineData("http", "https://host/disk.qcow2", "https://host/disk.qcow2", null, null)]
    [InlineData(null, "s3://bucket/a/key", "s3://bucket/a/key", null, null)]
    [InlineData("s3", "s3://bucket/key", "s3://bucket/key", null, null)]
    [InlineData("s3", "https://minio.example:9000/bucket/a%20b/key", "s3://bucket/a%20b/key", "https://minio.example:9000", null)]
    [InlineData("s3", "http://minio/bucket/key", "s3://bucket/key", "http://minio", null)]
    [InlineData("s3", "https://s3.eu-central-1.amazonaws.com/bucket/key", "s3://bucket/key", "https://s3.eu-central-1.amazonaws.com", "eu-central-1")]
    [InlineData("s3", "https://s3.amazonaws.com/bucket/key", "s3://bucket/key", "https://s3.amazonaws.com", "us-east-1")]
    [InlineData("s3", "https://s3-us-west-2.amazonaws.com/bucket/key", "s3://bucket/key", "https://s3-us-west-2.amazonaws.com", "us-west-2")]
    [InlineData("s3", "https://my.bucket.s3.eu-west-1.amazonaws.com/a/key", "s3://my.bucket/a/key", "https://s3.eu-west-1.amazonaws.com", "eu-west-1")]
    [InlineData("s3", "https://b.s3.dualstack.eu-west-1.amazonaws.com/key", "s3://b/key", "https://s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1")]
    [InlineData("s3", "https://b.s3.cn-north-1.amazonaws.com.cn/key", "s3://b/key", "https://s3.cn-north-1.amazonaws.com.cn", "cn-north-1")]
    [InlineData("registry", "docker://quay.io/containerdisks/fedora:40", "docker://quay.io/containerdisks/fedora:40", null, null)]
    [InlineData("registry", "oci://host/name", "oci://host/name", null, null)]
    public void Sources_are_understood(string? kind, string endpoint, string source, string? s3, string? region)
    {
        var settings = Read(("IMPORTER_SOURCE", kind ?? ""), ("IMPORTER_ENDPOINT", endpoint));

        (settings.Source, settings.Access.S3Endpoint, settings.Access.S3Region).ShouldBe((source, s3, region));
    }

    [Fact]
    public void A_pod_has_all_that_its_controller_gives_it()
    {
        _root.Write("scratch/x", "");
        _root.Write("extraheaders/0/secret", "X-Secret: hunter2\n");
        _root.Write("extraheaders/0/..data/secret", "X-Secret: again\n");
        var certificates = Path.GetDirectoryName(_root.Write("certs/ca.pem", "PEM"))!;

        var settings = Read(
            ("IMPORTER_ENDPOINT", "http://host/disk"), ("IMPORTER_SOURCE", "http"), ("IMPORTER_ACCESS_KEY_ID", "me"), ("IMPORTER_SECRET_KEY", "pw"),
            ("IMPORTER_CONTENTTYPE", "kubevirt"), ("IMPORTER_IMAGE_SIZE", "10Gi"), ("IMPORTER_CHECKSUM", $"md5:{new string('a', 32)}"),
            ("IMPORTER_CERT_DIR", certificates), ("IMPORTER_EXTRA_HEADER_1", "B: 2"), ("IMPORTER_EXTRA_HEADER_0", "A: 1"), ("FILESYSTEM_OVERHEAD", "0.06"),
            ("INSECURE_TLS", "true"), ("PREALLOCATION", "true"), ("OWNER_UID", "uid"), ("IMG_ALLOW_ADDRESS", "127.0.0.1"), ("IMG_ACCESS_KEY_ID", "other"));

        (settings.Target, settings.Scratch, settings.Size, settings.OwnerUid, settings.Overhead, settings.Preallocate, settings.Content)
            .ShouldBe((_root.At("data/disk.img"), _root.At("scratch"), 10L << 30, "uid", 0.06m, true, ImportContent.Disk));
        settings.Metrics.ShouldBe(_root.At("run/kvm-agent/import.prom"));
        settings.Checksum!.ToString().ShouldBe($"md5:{new string('a', 32)}");
        var access = settings.Access;
        (access.User, access.Password, access.CaFile, access.InsecureTls, access.AllowAddresses.Count).ShouldBe(("me", "pw", certificates, true, 1));
        access.Headers.ShouldBe(["A: 1", "B: 2", "X-Secret: hunter2"]);
    }

    [Theory]
    [InlineData("/none")]
    [InlineData("")]
    [InlineData("empty")]
    public void A_directory_of_certificates_may_be_missing_or_empty(string directory)
    {
        Directory.CreateDirectory(_root.At("empty/..data"));

        Read(("IMPORTER_ENDPOINT", "http://host/disk"), ("IMPORTER_CERT_DIR", directory == "empty" ? _root.At("empty") : directory)).Access.CaFile.ShouldBeNull();
    }

    [Fact]
    public void A_blank_disk_and_an_archive_have_their_places()
    {
        var blank = Read(("IMPORTER_SOURCE", "none"), ("IMPORTER_IMAGE_SIZE", "1Gi"));
        var archive = Read(("IMPORTER_ENDPOINT", "http://host/x.tar"), ("IMPORTER_CONTENTTYPE", "archive"));

        (blank.Source, blank.Target).ShouldBe((null, _root.At("data/disk.img")));
        (archive.Content, archive.Target).ShouldBe((ImportContent.Archive, _root.At("data")));
    }

    [Theory]
    [InlineData("gcs")]
    [InlineData("glance")]
    [InlineData("imageio")]
    [InlineData("vddk")]
    public void Other_sources_are_an_error_that_names_ours(string source) => Errors(("IMPORTER_SOURCE", source)).ShouldBe(
        [$"IMPORTER_SOURCE=\"{source}\": is not supported; this importer has http, s3, registry, clone, upload, and none for a blank disk"]);

    [Fact]
    public void All_errors_come_at_once_and_without_secrets()
    {
        var errors = Errors(
            ("IMPORTER_SOURCE", "s3"), ("IMPORTER_ENDPOINT", "https://me:hunter2@host/bucket?sig=hunter2"), ("IMPORTER_CONTENTTYPE", "tar"),
            ("IMPORTER_IMAGE_SIZE", "big"), ("IMPORTER_CHECKSUM", "abc"), ("IMPORTER_EXTRA_HEADER_0", "hunter2"), ("FILESYSTEM_OVERHEAD", "6"),
            ("INSECURE_TLS", "maybe"), ("PREALLOCATION", "1"), ("IMPORTER_PULL_METHOD", "node"), ("IMPORTER_REGISTRY_IMAGE_ARCHITECTURE", "s390x"));

        string.Join('\n', errors).ShouldNotContain("hunter2");
        errors.Select(error => error.Split('=', ':')[0]).ShouldBe(
            ["IMPORTER_ENDPOINT", "IMPORTER_CONTENTTYPE", "IMPORTER_PULL_METHOD", "IMPORTER_REGISTRY_IMAGE_ARCHITECTURE", "IMPORTER_IMAGE_SIZE",
                "IMPORTER_CHECKSUM", "IMPORTER_EXTRA_HEADER_0", "INSECURE_TLS", "PREALLOCATION", "FILESYSTEM_OVERHEAD"],
            ignoreOrder: true);
        errors.ShouldAllBe(error => error.Contains(';'));
    }

    [Theory]
    [InlineData("http", "/etc/passwd")]
    [InlineData("http", "file:///etc/passwd")]
    [InlineData("http", "ftp://me:hunter2@host/x")]
    [InlineData("http", "http://me:hunter2@ho st/x")]
    [InlineData("registry", "https://host/x")]
    [InlineData("s3", "s3:/bucket")]
    [InlineData("http", "")]
    public void Wrong_endpoints_are_told(string source, string endpoint) =>
        Errors(("IMPORTER_SOURCE", source), ("IMPORTER_ENDPOINT", endpoint)).ShouldHaveSingleItem().ShouldSatisfyAllConditions(
            error => error.ShouldStartWith("IMPORTER_ENDPOINT"), error => error.ShouldNotContain("hunter2"));

    [Theory]
    [InlineData(10240, "0.06", 20480, 9660, 10240)] // what is asked for, less the share: 10240 / 1.06 = 9660.4
    [InlineData(10240, "0.06", 5300, 5000, 5300)] // what is free is less
    [InlineData(10240, "0", 20480, 10240, 10240)]
    [InlineData(1, "0.06", 100, 0.9433962, 1)] // a small disk is not rounded to nothing
    public void The_disk_leaves_its_share_to_the_file_system_and_an_image_may_use_it(double wanted, string overhead, double free, double size, double most)
    {
        var (actual, longest) = ImportSize.For(MiB(wanted), decimal.Parse(overhead), MiB(free));

        actual!.Value.ShouldBeInRange(MiB(size) - 1, MiB(size) + 1);
        longest.ShouldBe(MiB(most));
        ImportSize.For(null, 0.06m, 100).ShouldBe((null, 100));

        static long MiB(double number) => (long)(number * (1 << 20));
    }

    private ImportSettings Read(params (string Name, string Value)[] environment)
    {
        var parser = new SettingParser(new SettingErrors());
        var settings = new ImporterEnvironment(environment.ToDictionary(v => v.Name, v => v.Value), new HostPaths(_root.FullPath), parser).Read();
        parser.Errors.ThrowIfAny();
        return settings;
    }

    private string[] Errors(params (string Name, string Value)[] environment)
    {
        var error = Should.Throw<AgentException>(() => Read(environment));
        error.Reason.ShouldBe(FailureReason.Settings);
        return error.Message.Split('\n');
    }
}
