using KvmAgent.Tests.Commands;

namespace KvmAgent.Tests.Import;

/// <summary>An importer that is killed at any moment never leaves what looks whole and is not; the next one makes it right.</summary>
public sealed class KilledImportTests : IDisposable
{
    private const int Kills = 100;
    private const int Size = 6 << 20;

    private readonly ImporterPod _pod = new();

    public void Dispose() => _pod.Dispose();

    [Fact]
    public Task In_a_file() => KillAsync(_pod.Disk, () => File.Exists(_pod.Disk) ? File.ReadAllBytes(_pod.Disk) : null);

    [Fact]
    public async Task On_a_device()
    {
        var device = await _pod.DeviceAsync(Size);

        await KillAsync(device, () =>
        {
            using var file = File.OpenHandle(device);
            var bytes = new byte[Size];
            RandomAccess.Read(file, bytes, 0).ShouldBe(Size);
            return bytes.AsSpan(0, 1 << 20).ContainsAnyExcept((byte)0) ? bytes : null;
        });
    }

    private async Task KillAsync(string target, Func<byte[]?> made)
    {
        var random = new Random(7);
        var whole = 0;
        var disk = ImporterPod.Content(Size);
        var image = await _pod.Qcow2Async(disk);
        await using var server = new ImageServer(image, TimeSpan.FromMilliseconds(2));
        for (var kill = 0; kill < Kills; kill++)
        {
            var asked = server.Requests.Count;
            using var process = _pod.Start(server, []);
            // From when it is at work: before that there is nothing to kill.
            while (server.Requests.Count == asked && !process.HasExited)
            {
                await Task.Delay(2);
            }

            await Task.Delay(random.Next(150));
            process.Kill();
            await process.WaitForExitAsync();
            if (made() is { } there)
            {
                whole++;
                there.AsSpan().SequenceEqual(disk).ShouldBeTrue($"after kill {kill}, {target} looks whole and is not");
            }
        }

        whole.ShouldBeInRange(1, Kills - 1, "the kills did not fall before and after the end");
        (await _pod.ImportAsync(server)).Code.ShouldBe(0);
        made().ShouldNotBeNull().AsSpan().SequenceEqual(disk).ShouldBeTrue();
        _pod.Names.ShouldBe(target == _pod.Disk ? ["disk.img"] : []);
    }
}
