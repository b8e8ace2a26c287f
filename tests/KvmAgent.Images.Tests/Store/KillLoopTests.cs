using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Store;

/// <summary>kill -9, again and again, at moments that nobody chose.</summary>
public sealed class KillLoopTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const int Kills = 100;

    // From before the runtime is up until well after the last byte of the slow server.
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(1200);

    private readonly Scratch _scratch = new();

    private string Image => Path.Combine(_scratch.Volume, "base");

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Whatever_is_killed_a_base_under_its_name_is_whole_and_the_last_one_ends_with_it()
    {
        var disk = Samples.Raw(14 * MiB);
        disk.AsSpan(5 * MiB, 3 * MiB).Clear();
        var digest = Samples.Sha256(disk);
        await using var server = new FaultServer(heard =>
        {
            var answer = Answer.File(heard, disk);
            return answer with { Headers = [.. answer.Headers, ("Accept-Ranges", "bytes")], Pause = TimeSpan.FromMilliseconds(2) };
        });
        var random = new Random(1);
        var (cut, whole, resumed) = (0, 0, 0);
        for (var i = 0; i < Kills; i++)
        {
            using (var process = Start(server))
            {
                await Task.Delay(Longest * random.NextDouble(), TimeProvider.System);
                cut += process.HasExited ? 0 : 1;
                process.Kill();
                await process.WaitForExitAsync();
            }
            resumed += _scratch.Names.Any(name => name.EndsWith(".journal", StringComparison.Ordinal)) ? 1 : 0;
            if (!File.Exists(Image))
                continue;
            Samples.Sha256(await File.ReadAllBytesAsync(Image)).ShouldBe(digest);
            whole++;
            File.Delete(Image);
        }

        var (code, output) = await Programs.EndAsync(Start(server));

        (code, output.Trim()).ShouldBe((0, $"fetched {digest}"));
        Samples.Sha256(await File.ReadAllBytesAsync(Image)).ShouldBe(digest);
        _scratch.Names.ShouldBe(["base", "base.json"]);
        // Else the moments were no good.
        cut.ShouldBeGreaterThan(Kills / 2);
        whole.ShouldBeGreaterThan(0);
        resumed.ShouldBeGreaterThan(0);
    }

    private System.Diagnostics.Process Start(FaultServer server) =>
        Programs.Start(new Dictionary<string, string> { ["QUICK"] = "1" }, [.. Programs.Fetcher, server.Url(), _scratch.Volume]);
}
