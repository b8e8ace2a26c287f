using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Conversion;

/// <summary>Disks that a real qemu-nbd serves.</summary>
public sealed class DiskCloneTests : IAsyncLifetime, IDisposable
{
    private const int MiB = 1 << 20;

    private readonly Scratch _scratch = new();
    private readonly string _address = $"127.{Random.Shared.Next(1, 255)}.{Random.Shared.Next(1, 255)}.{Random.Shared.Next(1, 255)}";
    private Process _server = null!;
    private string _disk = "";

    public async Task InitializeAsync()
    {
        _disk = _scratch.File("disk.img", Samples.Raw(2 * MiB));
        await using (var file = File.OpenWrite(_disk))
            file.SetLength(64 * MiB);
        MakeKey("key");
        _server = Process.Start("qemu-nbd", [
            "--read-only", "--persistent", "--shared=4", "--format=raw", $"--bind={_address}", "--port=10809",
            "--object", $"tls-creds-psk,id=tls0,endpoint=server,dir={Path.Combine(_scratch.Root, "key")}", "--tls-creds", "tls0", _disk]);
        while (true)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(IPAddress.Parse(_address), 10809);
                return;
            }
            catch (SocketException) when (!_server.HasExited)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
            }
        }
    }

    public async Task DisposeAsync()
    {
        _server.Kill();
        await _server.WaitForExitAsync();
        _server.Dispose();
    }

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task A_file_is_the_disk_with_its_holes_and_as_large_as_is_wanted()
    {
        var target = Path.Combine(_scratch.Root, "clone.img");

        (await DiskClone.RunAsync(Request(target, 80 * MiB), null, CancellationToken.None)).ShouldBe(80 * MiB);

        var (disk, clone) = (await File.ReadAllBytesAsync(_disk), await File.ReadAllBytesAsync(target));
        clone.Length.ShouldBe(80 * MiB);
        clone.AsSpan(0, 64 * MiB).SequenceEqual(disk).ShouldBeTrue();
        clone.AsSpan(64 * MiB).ContainsAnyExcept((byte)0).ShouldBeFalse();
        long.Parse((await Programs.RunAsync("du", "-k", target)).Split('\t')[0], System.Globalization.CultureInfo.InvariantCulture).ShouldBeLessThan(4096);
    }

    [Fact]
    public async Task One_that_is_too_large_is_refused_with_both_sizes()
    {
        var target = Path.Combine(_scratch.Root, "clone.img");
        await DiskClone.RunAsync(Request(target, 32 * MiB), null, CancellationToken.None)
            .ShouldFailAsync(ImageFailure.NoSpace, $"{64 * MiB} bytes", $"{32 * MiB}");
        File.Exists(target).ShouldBeFalse();
    }

    [Fact]
    public async Task Who_has_another_key_gets_nothing()
    {
        MakeKey("other");
        var request = Request(Path.Combine(_scratch.Root, "clone.img"), null) with { KeyDirectory = Path.Combine(_scratch.Root, "other") };
        await DiskClone.RunAsync(request, null, CancellationToken.None).ShouldFailAsync(ImageFailure.Unavailable, $"nbds://{_address}:10809", "TLS handshake failed");
    }

    [Fact]
    public async Task A_server_that_is_gone_is_unavailable()
    {
        _server.Kill();
        await _server.WaitForExitAsync();
        await DiskClone.RunAsync(Request(Path.Combine(_scratch.Root, "clone.img"), null), null, CancellationToken.None)
            .ShouldFailAsync(ImageFailure.Unavailable, $"nbds://{_address}:10809 cannot be reached");
        _scratch.Names.ShouldNotContain("clone.img");
    }

    private DiskCloneRequest Request(string target, long? size) => new()
    {
        Host = _address,
        Port = 10809,
        KeyDirectory = Path.Combine(_scratch.Root, "key"),
        Into = new DiskImportRequest { Source = "", Target = target, Size = size },
    };

    private void MakeKey(string name)
    {
        Directory.CreateDirectory(Path.Combine(_scratch.Root, name));
        File.WriteAllText(Path.Combine(_scratch.Root, name, "keys.psk"), $"clone:{RandomNumberGenerator.GetHexString(64, lowercase: true)}\n");
    }
}
