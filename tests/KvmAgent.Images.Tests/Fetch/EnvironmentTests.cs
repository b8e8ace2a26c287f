using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Fetch;

/// <summary>What the process' surroundings decide: proxies and names, each in a process of its own.</summary>
public sealed class EnvironmentTests : IDisposable
{
    private static readonly byte[] Disk = Samples.Raw(600_000);

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task The_proxy_of_the_environment_is_used()
    {
        await using var proxy = new FaultServer(heard => Answer.File(heard, Disk)) { IsProxy = true };

        var (_, output) = await FetchAsync("http://images.example/disk.img", ("http_proxy", $"http://me:secret@127.0.0.1:{proxy.Port}"));

        output.ShouldBe($"fetched {Samples.Sha256(Disk)}");
        proxy.Heard.ShouldAllBe(h => h.Target == "http://images.example/disk.img");
    }

    [Fact]
    public async Task The_proxy_may_be_anywhere_but_not_what_it_is_asked_for()
    {
        await using var proxy = new FaultServer(_ => Answer.Redirect("http://127.0.0.2/inside")) { IsProxy = true };

        var (code, output) = await FetchAsync(
            "http://images.example/disk.img", ("http_proxy", $"http://127.0.0.1:{proxy.Port}"), ("ALLOW_ADDRESS", "192.0.2.1/32"));

        code.ShouldBe(1);
        output.ShouldStartWith("Refused: http://images.example/disk.img redirects: http://127.0.0.2/inside is refused: its host '127.0.0.2' is at 127.0.0.2");
        proxy.Heard.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_proxy_for_https_may_be_on_loopback_too()
    {
        // Without a certificate nothing comes of it; that the proxy was reached is what counts.
        var (_, output) = await FetchAsync("https://images.example/disk.img", ("https_proxy", "http://127.0.0.1:1"), ("ALLOW_ADDRESS", "192.0.2.1/32"));

        output.ShouldStartWith("Unavailable: ");
        output.ShouldContain("through the proxy 127.0.0.1:1");
    }

    [Fact]
    public async Task Hosts_in_no_proxy_are_asked_directly()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk));

        var (_, output) = await FetchAsync(server.Url(), ("http_proxy", "http://127.0.0.1:1"), ("no_proxy", "localhost,127.0.0.1"));

        output.ShouldBe($"fetched {Samples.Sha256(Disk)}");
    }

    [Fact]
    public async Task A_proxy_that_is_not_there_is_named_without_its_password()
    {
        var (_, output) = await FetchAsync("http://images.example/disk.img", ("http_proxy", "http://me:hunter2@127.0.0.1:1"));

        output.ShouldStartWith("Unavailable: ");
        output.ShouldContain("through the proxy 127.0.0.1:1");
        output.ShouldNotContain("hunter2");
        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_name_that_does_not_resolve_is_told_at_once()
    {
        // In a mount namespace where names come from /etc/hosts alone, so that no DNS server is asked.
        var names = _scratch.File("nsswitch.conf", "hosts: files\n"u8.ToArray());
        var (code, output) = await Programs.EndAsync(Programs.Start(null,
            ["unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /etc/nsswitch.conf && exec \"$@\"", names, .. Programs.Fetcher, "http://no-such-host.invalid/disk.img", _scratch.Volume]));

        (code, output.Trim()).ShouldBe((1, "Unavailable: http://no-such-host.invalid/disk.img is not available: the name 'no-such-host.invalid' does not resolve; check its spelling and the DNS servers"));
        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_name_that_leads_to_the_metadata_service_is_refused()
    {
        // In a network namespace without any route, so that nobody is asked even if the check is broken.
        var names = _scratch.File("hosts", "169.254.169.254 images.invalid\n"u8.ToArray());
        var (code, output) = await Programs.EndAsync(Programs.Start(null,
            ["unshare", "--mount", "--net", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\"", names, .. Programs.Fetcher, "http://images.invalid/latest", _scratch.Volume]));

        (code, output.Trim()).ShouldBe((1, "Refused: http://images.invalid/latest is refused: its host 'images.invalid' is at 169.254.169.254, "
            + "the metadata service of a cloud, where no image is looked for; if one is really there, set IMG_ALLOW_ADDRESS=169.254.169.254"));
    }

    private async Task<(int Code, string Output)> FetchAsync(string source, params (string Name, string Value)[] environment)
    {
        var (code, output) = await Programs.EndAsync(Programs.Start(environment.ToDictionary(e => e.Name, e => e.Value), [.. Programs.Fetcher, source, _scratch.Volume]));
        return (code, output.Trim());
    }
}
