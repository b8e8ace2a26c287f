using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Fetch;

public sealed class TlsTests : IDisposable
{
    private static readonly byte[] Disk = Samples.Raw(300_000);

    private readonly Scratch _scratch = new();
    private readonly X509Certificate2 _authority = Certificates.Authority("CN=Test CA");
    private readonly X509Certificate2 _certificate;

    public TlsTests() => _certificate = Certificates.Issue(_authority, IPAddress.Loopback);

    public void Dispose()
    {
        _authority.Dispose();
        _certificate.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public async Task A_ca_of_ones_own_is_trusted_when_its_file_is_given()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk), _certificate);

        (await Quick.EnsureAsync(Request(server.Url(), _authority))).Digest.ShouldBe(Samples.Sha256(Disk));
    }

    [Fact]
    public async Task Without_the_file_the_certificate_is_refused_at_once()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk), _certificate);

        await Quick.EnsureAsync(_scratch.Request(server.Url())).ShouldFailAsync(ImageFailure.Unavailable, server.Url(), "TLS", "CA");

        server.Heard.ShouldBeEmpty();
    }

    [Fact]
    public async Task Another_ca_does_not_help()
    {
        using var another = Certificates.Authority("CN=Another CA");
        await using var server = new FaultServer(heard => Answer.File(heard, Disk), _certificate);

        await Quick.EnsureAsync(Request(server.Url(), another)).ShouldFailAsync(ImageFailure.Unavailable, "TLS");
    }

    [Fact]
    public async Task A_certificate_of_another_host_is_refused_even_from_that_ca()
    {
        using var certificate = Certificates.Issue(_authority, IPAddress.Parse("192.0.2.1"));
        await using var server = new FaultServer(heard => Answer.File(heard, Disk), certificate);

        await Quick.EnsureAsync(Request(server.Url(), _authority)).ShouldFailAsync(ImageFailure.Unavailable, "TLS");
    }

    [Fact]
    public async Task Https_never_falls_to_http()
    {
        await using var plain = new FaultServer(heard => Answer.File(heard, Disk));
        await using var server = new FaultServer(_ => Answer.Redirect(plain.Url()), _certificate);

        await Quick.EnsureAsync(Request(server.Url(), _authority)).ShouldFailAsync(ImageFailure.Refused, "https down to http://127.0.0.1");

        plain.Heard.ShouldBeEmpty();
        _scratch.Names.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("nothing here", "no certificate")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "PEM")]
    public async Task A_ca_file_without_certificates_is_a_wrong_setting(string content, string words) =>
        await Quick.EnsureAsync(_scratch.Request("https://127.0.0.1:9/") with { Access = Quick.Loopback with { CaFile = _scratch.File("ca.pem", Encoding.ASCII.GetBytes(content)) } })
            .ShouldFailAsync(ImageFailure.Settings, "ca.pem", words);

    private BaseImageRequest Request(string source, X509Certificate2 authority) =>
        _scratch.Request(source) with { Access = Quick.Loopback with { CaFile = Certificates.File(_scratch, authority) } };
}
