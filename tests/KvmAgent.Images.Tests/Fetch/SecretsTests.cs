using System.Text;
using KvmAgent.Images.Fetch;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Fetch;

public sealed class SecretsTests : IDisposable
{
    private static readonly byte[] Disk = Samples.Raw(600_000);

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task User_password_and_headers_reach_the_source()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk) with { CutAfter = heard.Number == 1 ? 300_000 : null });

        await Quick.EnsureAsync(Request(server.Url().Replace("//", "//me:p%40ss@", StringComparison.Ordinal), "# token\n\nX-Token:  abc:def \n"));

        server.Heard.Count.ShouldBe(2);
        foreach (var heard in server.Heard)
        {
            heard.Headers["Authorization"].ShouldBe("Basic " + Convert.ToBase64String("me:p@ss"u8));
            heard.Headers["X-Token"].ShouldBe("abc:def");
        }
    }

    [Fact]
    public async Task They_stay_on_their_origin_when_it_redirects_elsewhere_and_come_back_with_it()
    {
        FaultServer? home = null;
        await using var other = new FaultServer(heard => Answer.Redirect(home!.Url("/back")));
        await using var server = home = new FaultServer(heard => heard.Target == "/back" ? Answer.File(heard, Disk) : Answer.Redirect(other.Url("/there")));

        await Quick.EnsureAsync(Request(home.Url().Replace("//", "//me:secret@", StringComparison.Ordinal), "X-Token: abc\nAuthorization: Bearer xyz\n"));

        var strange = other.Heard.ShouldHaveSingleItem();
        strange.Headers.Keys.ShouldNotContain("Authorization");
        strange.Headers.Keys.ShouldNotContain("X-Token");
        home.Heard.Select(h => $"{h.Headers["Authorization"]}, {h.Headers["X-Token"]}").ShouldBe(["Bearer xyz, abc", "Bearer xyz, abc"]);
    }

    [Fact]
    public async Task A_user_written_into_a_redirect_is_not_used()
    {
        await using var server = new FaultServer(heard => heard.Target == "/disk.img"
            ? Answer.Redirect($"http://evil:evil@127.0.0.1:{heard.Headers["Host"].Split(':')[1]}/next") : Answer.File(heard, Disk));

        await Quick.EnsureAsync(_scratch.Request(server.Url()));

        server.Heard[1].Headers.Keys.ShouldNotContain("Authorization");
    }

    [Fact]
    public async Task No_secret_of_a_url_is_in_any_message_report_or_record()
    {
        await using var server = new FaultServer(heard => heard.Target.StartsWith("/good", StringComparison.Ordinal)
            ? Answer.File(heard, Disk)
            : heard.Target.StartsWith("/loop", StringComparison.Ordinal) ? Answer.Redirect(heard.Target) : Answer.Text(404, ""));
        var reports = new Reports();
        string[] said =
        [
            await Quick.EnsureAsync(_scratch.Request(Secretive(server.Url("/bad"))), reports).ShouldFailAsync(ImageFailure.Unavailable, "404"),
            await Quick.EnsureAsync(_scratch.Request(Secretive(server.Url("/loop"))), reports).ShouldFailAsync(ImageFailure.Unavailable, "loop"),
            await Quick.EnsureAsync(_scratch.Request("ftp://me:hunter2@host/x?sig=hunter2"), reports).ShouldFailAsync(ImageFailure.Settings, "ftp"),
            await Quick.EnsureAsync(_scratch.Request("http://me:hunter2@ho st/x?sig=hunter2"), reports).ShouldFailAsync(ImageFailure.Settings, "neither"),
            await Quick.EnsureAsync(_scratch.Request("me:hunter2@host?sig=hunter2"), reports).ShouldFailAsync(ImageFailure.Settings, "neither"),
        ];
        await Quick.EnsureAsync(_scratch.Request(Secretive(server.Url("/good"))), reports);

        said.ShouldAllBe(text => !text.Contains("hunter2", StringComparison.Ordinal));
        reports.All.ShouldAllBe(report => !report.ToString().Contains("hunter2", StringComparison.Ordinal));
        File.ReadAllText(Path.Combine(_scratch.Volume, "base.json")).ShouldNotContain("hunter2");
        File.ReadAllText(Path.Combine(_scratch.Volume, "base.json")).ShouldContain("/good");

        static string Secretive(string url) => url.Replace("//", "//me:hunter2@", StringComparison.Ordinal) + "?X-Signature=hunter2#hunter2";
    }

    [Theory]
    [InlineData("X-Token: hunter2\nhunter2", "line 2", "no colon")]
    [InlineData("# c\n\n: hunter2", "line 3", "no valid header name")]
    [InlineData("X Y: hunter2", "line 1", "no valid header name")]
    [InlineData("Range: hunter2", "line 1", "Range")]
    [InlineData("host: hunter2", "line 1", "host")]
    [InlineData("X-Token: hunter2ü", "line 1", "ASCII")]
    [InlineData("X-Token: hunter2\u0001", "line 1", "ASCII")]
    public async Task A_malformed_headers_file_is_told_by_line_and_without_its_content(string content, params string[] words)
    {
        var message = await Quick.EnsureAsync(Request("http://127.0.0.1:9/", content)).ShouldFailAsync(ImageFailure.Settings, [.. words, "headers"]);
        message.ShouldNotContain("hunter2");
    }

    [Fact]
    public async Task A_headers_file_that_is_not_there_is_told() =>
        await Quick.EnsureAsync(_scratch.Request("http://127.0.0.1:9/") with { Access = Quick.Loopback with { HeadersFile = "/nowhere/headers" } })
            .ShouldFailAsync(ImageFailure.Settings, "/nowhere/headers");

    [Theory]
    [InlineData("http://h/x", "http://h/x")]
    [InlineData("https://u:p@H:8443/a%20b?q=s#f", "https://h:8443/a%20b?…")]
    [InlineData("http://h:80/x?", "http://h/x")]
    public void Addresses_are_shown_without_secrets(string url, string shown) => HttpAddress.Show(new Uri(url)).ShouldBe(shown);

    private BaseImageRequest Request(string source, string headers) =>
        _scratch.Request(source) with { Access = Quick.Loopback with { HeadersFile = _scratch.File("headers", Encoding.UTF8.GetBytes(headers)) } };
}
