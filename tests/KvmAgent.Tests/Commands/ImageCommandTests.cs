using System.Diagnostics;
using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Commands;

/// <summary><c>kvm-agent inspect</c> and <c>kvm-agent import</c> as a person runs them.</summary>
public sealed class ImageCommandTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_file_is_shown_as_a_table()
    {
        var (code, output, error) = await InspectAsync([await ImageAsync()]);

        (code, error).ShouldBe((0, ""));
        output.ShouldBe($"""
            image         {_directory.At("disk.qcow2")}
            format        qcow2
            content       qcow2 version 3
            virtual size  1.50 GiB (1610612736 bytes)
            file size     192 KiB (196632 bytes)
            cluster size  64.0 KiB

            """);
    }

    [Fact]
    public async Task A_url_is_looked_at_where_it_is()
    {
        var image = await File.ReadAllBytesAsync(await ImageAsync());
        await using var server = new ImageServer(image);

        var (code, output, error) = await InspectAsync(
            [server.Url.Replace("//", "//me:hunter2@", StringComparison.Ordinal) + "?sig=hunter2", "--json", "--allow-address", "127.0.0.1"]);

        (code, error).ShouldBe((0, ""));
        output.ShouldBe(
            $"{{\"source\":\"{server.Url}\",\"format\":\"qcow2\",\"virtualSize\":1610612736,\"fileSize\":{image.Length},\"content\":\"qcow2 version 3\","
            + "\"clusterSize\":65536,\"features\":[]}\n");
        JsonSerializer.Deserialize(output, ContractsJson.Default.ImageReport)!.ClusterSize.ShouldBe(65536);
    }

    [Fact]
    public async Task The_environment_says_how_a_server_is_reached_and_headers_stay_on_the_origin_of_the_source()
    {
        await using var server = new ImageServer(await File.ReadAllBytesAsync(await ImageAsync()));
        var headers = _directory.Write("headers", "X-Token: abc\n");

        foreach (var source in new[] { "", server.Url, "http://other.example/disk.qcow2" })
        {
            (await InspectAsync([server.Url], ("IMG_ALLOW_ADDRESS", "127.0.0.0/8"), ("IMG_HEADERS_FILE", headers), ("IMG_SOURCE", source))).Code.ShouldBe(0);
            server.Requests[^1].Contains("X-Token: abc", StringComparison.Ordinal).ShouldBe(!source.Contains("other", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Failures_have_their_exit_codes_and_say_why()
    {
        await using var server = new ImageServer([1]);
        var text = _directory.Write("text", "<html>not found</html>");

        await FailsAsync(65, "is refused as a disk image: it is a web page (HTML)", [text]);
        await FailsAsync(65, "loopback", [server.Url]);
        await FailsAsync(69, "404", [server.Url.Replace("disk", "no", StringComparison.Ordinal), "--allow-address", "127.0.0.1"], "404 Not Found; check the address");
        await FailsAsync(69, "cannot be read", [_directory.At("nothing")]);
        await FailsAsync(64, "--allow-address=\"host\": host is neither an address nor a network", [server.Url, "--allow-address", "host"]);
        await FailsAsync(64, "has the scheme 'ftp'", ["ftp://host/disk"]);
        await FailsAsync(64, "there is no such file", ["http://host/disk"], environment: ("IMG_CA_FILE", "/none"));
    }

    [Fact]
    public async Task An_image_is_imported_as_a_raw_disk()
    {
        var image = await ImageAsync();
        var target = _directory.At("disk.img");

        var (code, output, error) = await RunAgentAsync("import", ["--source", image, "--target", target, "--size", "2Gi"]);

        (code, error).ShouldBe((0, ""));
        output.ShouldBe($"{target}: a disk of 2Gi from qcow2, 0 B read\n");
        new FileInfo(target).Length.ShouldBe(2L << 30);
        (await RunAgentAsync("import", ["--source", image, "--target", _directory.At("no/disk.img")])).Code.ShouldBe(73);
        (await RunAgentAsync("import", ["--source", image, "--target", target, "--size", "lots"])).ShouldBe(
            (64, "", "kvm-agent: --size=\"lots\": is not a quantity; write for example 10Gi\n"));
    }

    private static async Task FailsAsync(int code, string says, string[] arguments, string? also = null, params (string Name, string Value)[] environment)
    {
        var (actual, output, error) = await InspectAsync(arguments, environment);
        error.ShouldStartWith("kvm-agent: ");
        error.ShouldContain(says);
        error.ShouldContain(also ?? says);
        (actual, output).ShouldBe((code, ""));
    }

    private async Task<string> ImageAsync()
    {
        var path = _directory.At("disk.qcow2");
        (await RunAsync("qemu-img", ["create", "-q", "-f", "qcow2", path, "1536M"])).Code.ShouldBe(0);
        return path;
    }

    private static Task<(int Code, string Output, string Error)> InspectAsync(string[] arguments, params (string Name, string Value)[] environment) =>
        RunAgentAsync("inspect", arguments, environment);

    private static Task<(int Code, string Output, string Error)> RunAgentAsync(
        string verb, string[] arguments, params (string Name, string Value)[] environment) =>
        RunAsync("dotnet", [Path.Combine(AppContext.BaseDirectory, "kvm-agent.dll"), verb, .. arguments], environment);

    private static async Task<(int Code, string Output, string Error)> RunAsync(string program, string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output, await error);
    }
}
