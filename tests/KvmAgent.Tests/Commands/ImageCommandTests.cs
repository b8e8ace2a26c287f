using System.Diagnostics;
using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Commands;

/// <summary><c>kvm-agent inspect</c>, <c>kvm-agent import</c> and <c>kvm-agent convert</c> as a person runs them.</summary>
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
        output.ShouldEndWith($"\n{target}: a disk of 2Gi from qcow2, 0 B read\n");
        new FileInfo(target).Length.ShouldBe(2L << 30);
        (await RunAgentAsync("import", ["--source", image, "--target", _directory.At("no/disk.img")])).Code.ShouldBe(73);
        (await RunAgentAsync("import", ["--source", image, "--target", target, "--size", "lots"])).ShouldBe(
            (64, "", "kvm-agent: --size=\"lots\": is not a quantity; write for example 512Mi, 1Gi or 20G\n"));
    }

    [Fact]
    public async Task A_vms_disk_and_its_base_are_converted_into_one_file()
    {
        var image = await ImageAsync();
        var overlay = _directory.At("vm.qcow2");
        (await RunAsync("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", image, overlay])).Code.ShouldBe(0);
        var target = _directory.At("vm.vmdk");
        string[] command = ["--source", overlay, "--target", target, "--format", "vmdk"];

        var (code, output, error) = await RunAgentAsync("convert", [.. command, "--backing", image]);

        (code, error).ShouldBe((0, ""));
        output.ShouldContain("vm.vmdk: Converting 0 % (0 B of 1.50 GiB");
        output.ShouldEndWith($"{target}: vmdk of 256 KiB, a disk of 1536Mi from qcow2 {overlay} on {image}\n");
        (await RunAgentAsync("convert", [.. command, "--backing", image])).Code.ShouldBe(64);
        (await RunAgentAsync("convert", [.. command, "--backing", image, "--force"])).Code.ShouldBe(0);
        (await RunAgentAsync("convert", [.. command, "--force"])).Code.ShouldBe(65);
        (await RunAgentAsync("convert", [.. command, "--source-format", "raw", "--force"])).Output.ShouldContain("from raw");
    }

    [Fact]
    public async Task A_conversion_that_cannot_be_has_its_exit_code_and_says_why()
    {
        var image = await ImageAsync();
        string[] command = ["--source", image, "--target", _directory.At("new")];

        (await RunAgentAsync("convert", [.. command, "--format", "vdi"])).ShouldBe(
            (64, "", "kvm-agent: --format=\"vdi\": must be one of raw, qcow2, vmdk, vhd, vhdx\n"));
        (await RunAgentAsync("convert", [.. command, "--format", "raw", "--source-format", "vmdk"])).ShouldBe(
            (64, "", "kvm-agent: --source-format=\"vmdk\": must be one of raw, qcow2\n"));
        (await RunAgentAsync("convert", ["--source", image, "--target", _directory.At("no/new"), "--format", "raw"])).Code.ShouldBe(73);
        (await RunAgentAsync("convert", ["--source", _directory.At("nothing"), "--target", _directory.At("new"), "--format", "raw"])).Code.ShouldBe(69);

        var tools = Directory.CreateDirectory(_directory.At("bin")).FullName;
        foreach (var tool in new[] { "dotnet", "prlimit" })
        {
            File.CreateSymbolicLink(Path.Combine(tools, tool), (await RunAsync("sh", ["-c", $"command -v {tool}"])).Output.Trim());
            var (code, _, error) = await RunAgentAsync("convert", [.. command, "--format", "raw"], ("PATH", tools));
            code.ShouldBe(71);
            error.ShouldContain(tool == "dotnet" ? "install util-linux" : "install qemu-utils");
        }

        File.Exists(_directory.At("new")).ShouldBeFalse();
    }

    [Fact]
    public async Task A_conversion_that_is_told_to_stop_leaves_no_file_and_no_process()
    {
        var disk = _directory.At("disk.raw");
        (await RunAsync("dd", ["if=/dev/urandom", $"of={disk}", "bs=1M", "count=192"])).Code.ShouldBe(0);
        var volume = Directory.CreateDirectory(_directory.At("volume")).FullName;
        string[] command = ["convert", "--source", disk, "--source-format", "raw", "--target", Path.Combine(volume, "new"), "--format", "qcow2", "--compress"];
        string[] arguments = [Path.Combine(AppContext.BaseDirectory, "kvm-agent.dll"), .. command];
        using var agent = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;

        (await agent.StandardOutput.ReadLineAsync()).ShouldNotBeNull().ShouldContain("Converting");
        (await RunAsync("kill", [$"{agent.Id}"])).Code.ShouldBe(0);
        await agent.WaitForExitAsync();

        (await agent.StandardError.ReadToEndAsync()).ShouldContain("stopped by a signal");
        agent.ExitCode.ShouldBe(128 + 15);
        Directory.GetFileSystemEntries(volume).ShouldBeEmpty();
        (await RunAsync("sh", ["-c", $"ls -l /proc/[0-9]*/fd 2>/dev/null | grep -F {volume}"])).Output.ShouldBe("");
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
