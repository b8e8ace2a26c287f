using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Fetch;

/// <summary>
/// A cloud's metadata service, or what would be one: a real server at its address, in a namespace without a route out, which writes down
/// who came. Nobody comes by a redirect, whatever is done with the image.
/// </summary>
public sealed class MetadataServiceTests : IDisposable
{
    private const string Metadata = "169.254.169.254";

    // nginx is ready when it answers; what it says of its end is nobody's concern.
    private const string InNamespace = """
        ip link set lo up && ip address add 169.254.169.254/32 dev lo && ip address add 192.0.2.1/32 dev lo
        nginx -c "$0/nginx.conf" -e "$0/errors" & server=$!
        until curl -s -o /dev/null http://192.0.2.1/; do kill -0 $server || exit 99; done
        "$@"; code=$?
        kill $server; wait $server
        exit $code
        """;

    private readonly Scratch _scratch = new();

    public MetadataServiceTests() => _scratch.File("nginx.conf", System.Text.Encoding.ASCII.GetBytes($$"""
        daemon off; pid {{_scratch.Root}}/pid; worker_processes 1; user root;
        events {}
        http {
          access_log off;
          server { listen 192.0.2.1:80; location / { return 302 $arg_to; } }
          server { listen {{Metadata}}:80; access_log {{_scratch.Root}}/visits; location / { return 200 "the role's key"; } }
        }
        """));

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("fetch", $"http://{Metadata}/latest/meta-data/")]
    [InlineData("fetch", $"http://[::ffff:{Metadata}]/latest/meta-data/")]
    [InlineData("inspect", $"http://{Metadata}/latest/meta-data/")]
    [InlineData("inspect", "http://0xa9fea9fe/latest/meta-data/")]
    [InlineData("import", $"http://{Metadata}/latest/meta-data/")]
    public async Task Nobody_is_led_there(string what, string to)
    {
        var (code, output) = await RunAsync(what, to, allow: "192.0.2.1/32");

        code.ShouldBe(1);
        output.ShouldStartWith("Refused: http://192.0.2.1/?… redirects: ");
        output.ShouldContain("the metadata service of a cloud");
        File.ReadAllText(Visits).ShouldBeEmpty();
        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task Who_is_allowed_to_gets_there_so_the_others_could_have()
    {
        var (code, output) = await RunAsync("fetch", $"http://{Metadata}/latest/meta-data/", allow: "169.254.0.0/16");

        code.ShouldBe(1);
        output.ShouldNotContain("the role's key");
        File.ReadAllText(Visits).ShouldContain("GET /latest/meta-data/");
    }

    private string Visits => Path.Combine(_scratch.Root, "visits");

    private Task<(int Code, string Output)> RunAsync(string what, string to, string allow)
    {
        var source = $"http://192.0.2.1/?to={to}";
        string[] arguments = what switch
        {
            "fetch" => [source, _scratch.Volume],
            "inspect" => ["inspect", source],
            _ => ["import", source, Path.Combine(_scratch.Volume, "disk.img")],
        };
        return Programs.EndAsync(Programs.Start(
            new Dictionary<string, string> { ["ALLOW_ADDRESS"] = allow },
            ["unshare", "--net", "sh", "-c", InNamespace, _scratch.Root, .. Programs.Fetcher, .. arguments]));
    }
}
