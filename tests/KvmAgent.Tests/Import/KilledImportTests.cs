using System.Diagnostics;
using System.Globalization;
using KvmAgent.Tests.Commands;

namespace KvmAgent.Tests.Import;

/// <summary>An importer that is killed at any moment never leaves what looks whole and is not; the next one makes it right.</summary>
public abstract class KilledImport : IDisposable
{
    protected const int Size = 6 << 20;

    // Of each kind, a file and a device; a hundred more are of a fetch (KillLoopTests). Each costs a start of the program.
    private static readonly int Kills = int.Parse(Environment.GetEnvironmentVariable("IMPORT_KILLS") ?? "50", CultureInfo.InvariantCulture);

    private protected ImporterPod Pod { get; } = new();

    public void Dispose()
    {
        Pod.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <param name="made">What looks whole; null where nothing does.</param>
    protected async Task KillAsync(Func<byte[]?> made)
    {
        var random = new Random(7);
        var disk = ImporterPod.Content(Size);
        await using var server = new ImageServer(await Pod.Qcow2Async(disk), TimeSpan.FromMilliseconds(2));
        var lasts = await TimeAsync(server, Timeout.InfiniteTimeSpan);
        var whole = 0;
        for (var kill = 0; kill < Kills; kill++)
        {
            await TimeAsync(server, random.NextDouble() * 1.2 * lasts);
            if (made() is { } there)
            {
                whole++;
                there.AsSpan().SequenceEqual(disk).ShouldBeTrue($"after kill {kill} something looks whole and is not");
            }
        }

        whole.ShouldBeLessThan(Kills * 9 / 10, "too few were killed at work");
        (await Pod.ImportAsync(server)).Code.ShouldBe(0);
        made().ShouldNotBeNull().AsSpan().SequenceEqual(disk).ShouldBeTrue();
    }

    /// <summary>Runs an import and kills it so long after it began to ask, as before that there is nothing to kill.</summary>
    private async Task<TimeSpan> TimeAsync(ImageServer server, TimeSpan kill)
    {
        var asked = server.Requests.Count;
        using var process = Pod.Start(server, []);
        while (server.Requests.Count == asked && !process.HasExited)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System);
        }

        var begun = Stopwatch.GetTimestamp();
        if (kill >= TimeSpan.Zero)
        {
            await Task.Delay(kill, TimeProvider.System);
            process.Kill();
        }

        await process.WaitForExitAsync();
        return Stopwatch.GetElapsedTime(begun);
    }
}

public sealed class KilledFileImportTests : KilledImport
{
    [Fact]
    public async Task A_file_has_its_name_when_it_is_whole()
    {
        await KillAsync(() => File.Exists(Pod.Disk) ? File.ReadAllBytes(Pod.Disk) : null);
        Pod.Names.ShouldBe(["disk.img"]);
    }
}

public sealed class KilledDeviceImportTests : KilledImport
{
    [Fact]
    public async Task A_device_has_its_beginning_when_it_is_whole()
    {
        var device = await Pod.DeviceAsync(Size);

        await KillAsync(() =>
        {
            using var file = File.OpenHandle(device);
            var bytes = new byte[Size];
            RandomAccess.Read(file, bytes, 0).ShouldBe(Size);
            return bytes.AsSpan(0, 1 << 20).ContainsAnyExcept((byte)0) ? bytes : null;
        });
        Pod.Names.ShouldBeEmpty();
    }
}
