using System.Text;
using KvmAgent.Qemu;
using KvmAgent.TestSupport;

namespace KvmAgent.Tests.Qemu;

/// <summary>How much of the console goes to the log, and when.</summary>
public sealed class ConsoleLogTests : IDisposable
{
    private readonly ManualTime _time = new();
    private readonly List<string> _written = [];
    private readonly ConsoleLog _log;

    public ConsoleLogTests() => _log = new ConsoleLog(_written.Add, _time);

    public void Dispose() => _log.Dispose();

    [Fact]
    public void Lines_are_written_at_once_and_a_prompt_after_a_second_of_quiet()
    {
        Print("starting\nlogin: ");
        _written.ShouldBe(["starting"]);

        _time.Advance(TimeSpan.FromMilliseconds(900));
        Print("r");
        _time.Advance(TimeSpan.FromMilliseconds(900));
        _written.ShouldBe(["starting"]);

        _time.Advance(TimeSpan.FromMilliseconds(100));
        _written.ShouldBe(["starting", "login: r"]);
    }

    [Fact]
    public void A_flood_is_cut_and_counted()
    {
        PrintLines(5000);
        _written.Count.ShouldBe(1000);

        _time.Advance(TimeSpan.FromSeconds(1));
        _written.Count.ShouldBe(1001);
        _written[^1].ShouldContain("4000 lines dropped");
    }

    [Fact]
    public void A_lasting_flood_passes_two_hundred_lines_a_second_and_no_line_is_uncounted()
    {
        const int rounds = 300;
        for (var round = 0; round < rounds; round++)
        {
            PrintLines(100);
            _time.Advance(TimeSpan.FromMilliseconds(100));
        }

        _time.Advance(TimeSpan.FromSeconds(1));
        var reports = _written.Where(line => line.Contains("lines dropped", StringComparison.Ordinal)).ToArray();
        var passed = _written.Count - reports.Length;
        passed.ShouldBeInRange(6000, 7200);
        reports.Length.ShouldBeInRange(10, 40);
        (passed + reports.Sum(line => int.Parse(line[1..].Split(' ')[0]))).ShouldBe(100 * rounds);
    }

    [Fact]
    public void A_prompt_behind_a_flood_is_shown()
    {
        PrintLines(2000);
        PrintLines(2000);
        Print("\e[1mlogin: ");

        _time.Advance(TimeSpan.FromSeconds(1));

        _written[^2].ShouldContain("3000 lines dropped");
        _written[^1].ShouldBe("login:");
    }

    [Fact]
    public void What_is_held_back_is_written_at_the_end()
    {
        Print("Kernel panic - not sync");

        _log.Dispose();

        _written.ShouldBe(["Kernel panic - not sync"]);
    }

    private void Print(string text) => _log.Feed(Encoding.UTF8.GetBytes(text));

    private void PrintLines(int count) => Print(string.Concat(Enumerable.Range(1, count).Select(number => $"line {number}\r\n")));
}
