using System.Text;
using KvmAgent.Qemu;

namespace KvmAgent.Tests.Qemu;

/// <summary>The last 64 KiB of the console and its readers.</summary>
public sealed class ConsoleScrollbackTests
{
    private readonly ConsoleScrollback _scrollback = new();

    [Fact]
    public void A_reader_gets_everything_in_order_whatever_the_sizes()
    {
        var random = new Random(3);
        var (written, read) = (new MemoryStream(), new MemoryStream());
        var into = new byte[5000];
        long position = 0;
        for (var round = 0; round < 1000; round++)
        {
            var bytes = new byte[random.Next(4000)];
            random.NextBytes(bytes);
            _scrollback.Append(bytes);
            written.Write(bytes);
            while (_scrollback.Read(ref position, into.AsSpan(0, random.Next(1, into.Length)), out var skipped) is > 0 and var count)
            {
                skipped.ShouldBe(0);
                read.Write(into, 0, count);
            }
        }

        read.ToArray().AsSpan().SequenceEqual(written.ToArray()).ShouldBeTrue();
        _scrollback.End.ShouldBe(written.Length);
    }

    [Fact]
    public void A_reader_that_was_overtaken_goes_on_at_the_oldest_whole_line_and_knows_what_it_missed()
    {
        for (var line = 0; line < 10_000; line++)
        {
            _scrollback.Append(Encoding.ASCII.GetBytes($"line {line:00000}\n"));
        }

        var into = new byte[11];
        long position = 22;
        _scrollback.Read(ref position, into, out var skipped).ShouldBe(11);

        Encoding.ASCII.GetString(into).ShouldBe($"line {(22 + skipped) / 11:00000}\n");
        (110_000 - 22 - skipped).ShouldBeInRange(ConsoleScrollback.Size - 11, ConsoleScrollback.Size);
    }

    [Fact]
    public void More_at_once_than_it_holds_leaves_the_end()
    {
        var bytes = new byte[200_001];
        new Random(4).NextBytes(bytes);
        _scrollback.Append(bytes.AsSpan(0, 77));

        _scrollback.Append(bytes.AsSpan(77));

        var into = new byte[2 * ConsoleScrollback.Size];
        long position = bytes.Length - 1000;
        _scrollback.Read(ref position, into, out _).ShouldBe(1000);
        into.AsSpan(0, 1000).SequenceEqual(bytes.AsSpan(bytes.Length - 1000)).ShouldBeTrue();
        position = 0;
        var count = _scrollback.Read(ref position, into, out _);
        into.AsSpan(0, count).SequenceEqual(bytes.AsSpan(bytes.Length - count)).ShouldBeTrue();
    }
}
