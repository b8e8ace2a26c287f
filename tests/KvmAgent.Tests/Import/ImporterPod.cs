using System.Diagnostics;
using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Tests.Commands;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Import;

/// <summary>The real program in a root of its own, as an importer pod runs it.</summary>
internal sealed class ImporterPod : IDisposable
{
    private readonly List<(string Program, string[] Arguments)> _undo = [];

    public ImporterPod()
    {
        Directory.CreateDirectory(Volume);
        Root.Write("dev/termination-log", "");
    }

    public TempDirectory Root { get; } = new();

    public string Volume => Root.At("data");

    public string Disk => Root.At("data", "disk.img");

    public string Metrics => File.ReadAllText(Root.At("run/kvm-agent/import.prom"));

    public ImportResult Termination => JsonSerializer.Deserialize(File.ReadAllText(Root.At("dev/termination-log")), ContractsJson.Default.ImportResult)!;

    public string[] Names => [.. Directory.EnumerateFileSystemEntries(Volume).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    /// <summary>A disk that is recognised as one: an MBR's signature, and bytes that follow from the seed.</summary>
    public static byte[] Content(int size, int seed = 1)
    {
        var disk = new byte[size];
        new Random(seed).NextBytes(disk);
        (disk[510], disk[511]) = (0x55, 0xaa);
        disk.AsSpan(446, 64).Clear();
        return disk;
    }

    public async Task<byte[]> Qcow2Async(byte[] disk)
    {
        var (raw, image) = (Root.At("image.raw"), Root.At("image.qcow2"));
        await File.WriteAllBytesAsync(raw, disk);
        await RunAsync("qemu-img", ["convert", "-q", "-f", "raw", "-O", "qcow2", raw, image]);
        return await File.ReadAllBytesAsync(image);
    }

    public async Task MountAsync(string options)
    {
        await RunAsync("mount", ["-t", "tmpfs", "-o", options, "kvm-agent-import", Volume]);
        _undo.Add(("umount", ["-l", Volume]));
    }

    /// <summary>Gives the pod a block device of zeroes.</summary>
    public async Task<string> DeviceAsync(long size)
    {
        using (var file = File.Create(Root.At("device.raw")))
        {
            file.SetLength(size);
        }

        var device = (await RunAsync("losetup", ["--find", "--show", Root.At("device.raw")])).Trim();
        _undo.Add(("losetup", ["--detach", device]));
        File.CreateSymbolicLink(Root.At("dev/cdi-block-volume"), device);
        return device;
    }

    public Process Start(ImageServer? server, string[] arguments, params (string Name, string Value)[] environment) => Start("import", server, arguments, environment);

    private Process Start(string verb, ImageServer? server, string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "kvm-agent.dll"), verb, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["HOST_ROOT"] = Root.FullPath;
        start.Environment["IMG_ALLOW_ADDRESS"] = "127.0.0.1";
        start.Environment["OWNER_UID"] = "uid-1";
        if (server is not null)
        {
            start.Environment["IMPORTER_ENDPOINT"] = server.Url;
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    /// <summary>As a pod that only looks.</summary>
    public async Task<(int Code, string Output, string Error)> InspectAsync(ImageServer? server, params (string Name, string Value)[] environment) =>
        await EndAsync(Start("inspect", server, [], environment));

    public async Task<(int Code, string Output, string Error)> ImportAsync(ImageServer? server, params (string Name, string Value)[] environment) =>
        await EndAsync(Start(server, [], environment));

    public static async Task<(int Code, string Output, string Error)> EndAsync(Process process)
    {
        using (process)
        {
            var error = process.StandardError.ReadToEndAsync();
            var output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            return (process.ExitCode, output, await error);
        }
    }

    public static async Task<string> RunAsync(string program, string[] arguments)
    {
        var (code, output, error) = await EndAsync(
            Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!);
        code.ShouldBe(0, error);
        return output;
    }

    public void Dispose()
    {
        foreach (var (program, arguments) in _undo)
        {
            using var process = Process.Start(program, arguments);
            process.WaitForExit();
        }

        Root.Dispose();
    }
}
