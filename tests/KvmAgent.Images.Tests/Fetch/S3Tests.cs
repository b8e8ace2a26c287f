using System.Net;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Fetch;

/// <summary>Objects of a server that recomputes every signature.</summary>
public sealed class S3Tests : IDisposable
{
    private const string Key = "images/debian 12/ü+plus (1)!*'&=%41~?#.qcow2";

    private readonly Scratch _scratch = new();
    private readonly byte[] _image = Qcow2Sample.Bytes;

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("disk.qcow2")]
    [InlineData("a/b/c.qcow2")]
    [InlineData("a//b")]
    [InlineData(Key)]
    public async Task An_object_is_fetched_by_a_signed_address_whatever_its_key(string key)
    {
        await using var server = new FaultServer(new S3Server(_image, "bucket", key).Serve);

        var image = await Quick.EnsureAsync(_scratch.Request($"s3://bucket/{key}") with { Access = Access(server) });

        image.Digest.ShouldBe(Samples.Sha256(_image));
        var record = await File.ReadAllTextAsync(Path.Combine(_scratch.Volume, "base.json"));
        record.ShouldContain("s3://bucket/");
        record.ShouldNotContain("X-Amz");
    }

    [Fact]
    public async Task An_object_is_inspected_and_imported_by_ranges_under_its_own_name()
    {
        await using var server = new FaultServer(new S3Server(_image, "bucket", Key).Serve);

        (await new RemoteImage { Source = $"s3://bucket/{Key}", Access = Access(server) }.InspectAsync(CancellationToken.None))
            .Format.ShouldBe(ImageFormat.Qcow2);
        await ImportAsync($"s3://bucket/{Key}", Access(server));

        File.ReadAllBytes(Target).ShouldBe(Samples.Raw(2 << 20));
        server.Heard.ShouldAllBe(heard => heard.To != null);
    }

    [Fact]
    public async Task A_broken_fetch_goes_on_where_it_broke()
    {
        var s3 = new S3Server(_image, "bucket", "disk");
        await using var server = new FaultServer(heard => heard.Number == 1 ? s3.Serve(heard) with { CutAfter = 700_000, Reset = true } : s3.Serve(heard));

        var image = await Quick.EnsureAsync(_scratch.Request("s3://bucket/disk") with { Access = Access(server) });

        image.Digest.ShouldBe(Samples.Sha256(_image));
        server.Heard.Count.ShouldBeGreaterThan(1);
        server.Heard.Skip(1).ShouldAllBe(heard => heard.From > 0);
    }

    [Fact]
    public async Task A_session_token_is_signed_too()
    {
        await using var server = new FaultServer((new S3Server(_image, "bucket", "disk") { Token = "tok/en+==" }).Serve);

        await ImportAsync("s3://bucket/disk", Access(server) with { BearerToken = "tok/en+==" });
        await ImportAsync("s3://bucket/disk", Access(server) with { BearerToken = "another" })
            .ShouldFailAsync(ImageFailure.Unavailable, "403 InvalidToken", "session token");
    }

    [Fact]
    public async Task A_public_bucket_is_asked_without_a_signature()
    {
        await using var server = new FaultServer((new S3Server(_image, "bucket", Key) { IsPublic = true }).Serve);

        await ImportAsync($"s3://bucket/{Key}", Access(server) with { User = null, Password = null });

        server.Heard.ShouldAllBe(heard => !heard.Target.Contains('?'));
    }

    [Fact]
    public async Task An_endpoint_with_a_certificate_of_ones_own_ca_is_taken()
    {
        using var authority = Certificates.Authority("CN=Test CA");
        using var certificate = Certificates.Issue(authority, IPAddress.Loopback);
        await using var server = new FaultServer(new S3Server(_image, "bucket", "disk").Serve, certificate);

        await ImportAsync("s3://bucket/disk", Access(server) with { CaFile = Certificates.File(_scratch, authority) });
        await ImportAsync("s3://bucket/disk", Access(server)).ShouldFailAsync(ImageFailure.Unavailable, "TLS");
    }

    public static TheoryData<string, string[]> Refusals => new()
    {
        { "secret", ["403 SignatureDoesNotMatch", "check the secret key"] },
        { "user", ["403 InvalidAccessKeyId", "access key id"] },
        { "region", ["'eu-test-1'", "'us-east-1'", "set the S3 region to eu-test-1"] },
        { "key", ["404 NoSuchKey", "check the key"] },
        { "unsigned", ["403 AccessDenied", "not public"] },
        { "late", ["403 AccessDenied", "clock"] },
        { "early", ["400 AuthorizationQueryParametersError", "clock"] },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task What_S3_refuses_is_told_in_its_code_with_the_remedy_and_no_secret(string wrong, string[] words)
    {
        var ahead = wrong switch { "late" => TimeSpan.FromDays(8), "early" => TimeSpan.FromHours(-1), _ => TimeSpan.Zero };
        await using var server = new FaultServer((new S3Server(_image, "bucket", "disk") { Ahead = ahead }).Serve);
        var access = wrong switch
        {
            "secret" => Access(server) with { Password = "not/the+secret" },
            "user" => Access(server) with { User = "AKIDNOBODY" },
            "region" => Access(server) with { S3Region = null },
            "unsigned" => Access(server) with { User = null, Password = null },
            _ => Access(server),
        };
        var source = wrong == "key" ? "s3://bucket/dusk" : "s3://bucket/disk";

        foreach (var task in new Task[] { ImportAsync(source, access), Quick.EnsureAsync(_scratch.Request(source) with { Access = access }) })
        {
            var message = await task.ShouldFailAsync(ImageFailure.Unavailable, [source, .. words]);
            message.ShouldNotContain("X-Amz");
            message.ShouldNotContain(S3Server.Secret);
            message.ShouldNotContain("not/the+secret");
        }
    }

    [Fact]
    public async Task A_bucket_of_another_region_names_it_although_the_redirect_leads_nowhere()
    {
        await using var server = new FaultServer(_ => S3Server.Error(301, "PermanentRedirect", ("x-amz-bucket-region", "ap-far-2")));

        await ImportAsync("s3://bucket/disk", Access(server)).ShouldFailAsync(ImageFailure.Unavailable, "set the S3 region to ap-far-2");
    }

    [Fact]
    public async Task A_busy_server_is_asked_again()
    {
        var s3 = new S3Server(_image, "bucket", "disk");
        await using var server = new FaultServer(heard => heard.Number == 1 ? S3Server.Error(503, "SlowDown") : s3.Serve(heard));

        await ImportAsync("s3://bucket/disk", Access(server));
    }

    [Fact]
    public async Task Neither_the_home_directory_nor_variables_of_AWS_lead_a_request_elsewhere()
    {
        await using var server = new FaultServer(new S3Server(_image, "bucket", "disk").Serve);
        // Whoever opens a pipe that nobody writes waits for ever.
        var pipes = Directory.CreateDirectory(Path.Combine(_scratch.Root, "home", ".aws")).FullName;
        foreach (var name in new[] { "config", "credentials" })
            await Programs.RunAsync("mkfifo", Path.Combine(pipes, name));
        var environment = new Dictionary<string, string>
        {
            ["HOME"] = Path.GetDirectoryName(pipes)!,
            ["AWS_ACCESS_KEY_ID"] = "evil",
            ["AWS_SECRET_ACCESS_KEY"] = "evil",
            ["AWS_SESSION_TOKEN"] = "evil",
            ["AWS_PROFILE"] = "evil",
            ["AWS_REGION"] = "evil-1",
            ["AWS_DEFAULT_REGION"] = "evil-1",
            ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1",
            ["AWS_ENDPOINT_URL_S3"] = "http://127.0.0.1:1",
            ["AWS_USE_FIPS_ENDPOINT"] = "true",
            ["AWS_USE_DUALSTACK_ENDPOINT"] = "true",
            ["AWS_S3_US_EAST_1_REGIONAL_ENDPOINT"] = "legacy",
            ["AWS_S3_USE_ARN_REGION"] = "true",
            ["TEST_S3_ENDPOINT"] = server.Url(""),
            ["TEST_S3_REGION"] = S3Server.Region,
            ["TEST_S3_KEYS"] = $"{S3Server.User}:{S3Server.Secret}",
        };

        var (code, output) = await Programs.EndAsync(Programs.Start(environment, [.. Programs.Fetcher, "s3://bucket/disk", _scratch.Volume]));

        code.ShouldBe(0, output);
        output.ShouldContain(Samples.Sha256(_image));
    }

    [Fact]
    public async Task The_SDK_is_not_loaded_for_other_sources()
    {
        var (code, output) = await Programs.EndAsync(Programs.Start(null, [.. Programs.Fetcher, _scratch.File("disk.img", _image), _scratch.Volume]));

        code.ShouldBe(0, output);
    }

    private string Target => Path.Combine(_scratch.Volume, "disk.img");

    private static SourceAccess Access(FaultServer server) =>
        Quick.Loopback with { S3Endpoint = server.Url(""), S3Region = S3Server.Region, User = S3Server.User, Password = S3Server.Secret };

    private Task<DiskImported> ImportAsync(string source, SourceAccess access) => DiskImport.RunAsync(
        new DiskImportRequest { Source = source, Target = Target, Access = access }, null, TimeProvider.System, Quick.Timings, CancellationToken.None);
}
