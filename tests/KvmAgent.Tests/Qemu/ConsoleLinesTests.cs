using System.Text;
using KvmAgent.Qemu;

namespace KvmAgent.Tests.Qemu;

/// <summary>What a guest prints, as the log shows it.</summary>
public sealed class ConsoleLinesTests
{
    [Theory]
    [InlineData("one\r\ntwo\n", "one|two")]
    [InlineData("\r\n\n  \nafter blank ones   \n", "after blank ones")]
    [InlineData("10 %\r50 %\r100 %\n", "100 %")]
    [InlineData("100 %\r9\n", "900 %")]
    [InlineData("100 %\r\e[K9 %\n", "9 %")]
    [InlineData("abcdef\e[1K\n", "")]
    [InlineData("abc\e[2Kd\n", "   d")]
    [InlineData("abc\b\bX\n", "aXc")]
    [InlineData("a\tb\e[3Cc\e[2Gd\n", "ad      b   c")]
    [InlineData("\e[0;1;31mFAILED\e[0m to \e[?2004hstart\n", "FAILED to start")]
    [InlineData("\e]0;title\aone \e]8;;http://x\e\\two\n", "one two")]
    [InlineData("\e(B\e)0\e7\e8\e=plain\n", "plain")]
    [InlineData("\e[2J\e[1;1Hmenu\e[2;5Hentry\e[3;1H", "menu|entry")]
    [InlineData("bell\a \0nul \x7f del\n", "bell nul  del")]
    [InlineData("\u202eright to left\u2028 zero\u200bwidth\u0085\u009b31m\n", "right to left zerowidth31m")]
    [InlineData("grüße 😀 漢字\n", "grüße 😀 漢字")]
    [InlineData("😀\rA\n", "A")]
    [InlineData("\e]never ended\nnext line\n", "next line")]
    [InlineData("\ePdevice\u0018control\n", "control")]
    [InlineData("\e[31\nm\n", "m")]
    [InlineData("\e[99999999999999999999Cx\n", "")]
    [InlineData("a\vb\fc\n", "a|b|c")]
    public void A_line_is_what_a_terminal_would_show(string printed, string lines)
    {
        var written = new List<string>();

        new ConsoleLines(written.Add).Feed(Encoding.UTF8.GetBytes(printed));

        string.Join('|', written).ShouldBe(lines);
    }

    [Fact]
    public void It_does_not_matter_how_the_bytes_are_cut()
    {
        var printed = Encoding.UTF8.GetBytes("grüße \e[31m😀\e[0m 漢\r\n\e]0;title\e\\next\b\bXT\n");
        for (var first = 0; first <= printed.Length; first++)
        {
            for (var second = first; second <= printed.Length; second++)
            {
                var written = new List<string>();
                var lines = new ConsoleLines(written.Add);

                lines.Feed(printed.AsSpan(0, first));
                lines.Feed(printed.AsSpan(first, second - first));
                lines.Feed(printed.AsSpan(second));

                written.ShouldBe(["grüße 😀 漢", "neXT"]);
            }
        }
    }

    [Theory]
    [InlineData(new byte[] { 0xff, (byte)'a', (byte)'\n' }, "\ufffda")]
    [InlineData(new byte[] { 0xe2, 0x82, (byte)'a', (byte)'\n' }, "\ufffda")]
    [InlineData(new byte[] { 0xe2, 0x82, (byte)'\n' }, "\ufffd")]
    [InlineData(new byte[] { 0xed, 0xa0, 0x80, (byte)'\n' }, "\ufffd\ufffd\ufffd")]
    [InlineData(new byte[] { 0xf0, 0x9f, 0x98, 0xf0, 0x9f, 0x98, 0x80, (byte)'\n' }, "\ufffd😀")]
    public void Bytes_that_are_no_characters_are_marked_however_they_are_cut(byte[] printed, string line)
    {
        for (var cut = 0; cut <= printed.Length; cut++)
        {
            var written = new List<string>();
            var lines = new ConsoleLines(written.Add);

            lines.Feed(printed.AsSpan(0, cut));
            lines.Feed(printed.AsSpan(cut));

            written.ShouldBe([line]);
        }
    }

    [Fact]
    public void Long_lines_are_cut_and_the_next_line_is_whole()
    {
        var written = new List<string>();

        new ConsoleLines(written.Add).Feed(Encoding.UTF8.GetBytes(new string('x', 100_000) + "\nnext\n"));

        written.ShouldBe([new string('x', ConsoleLines.LongestLine), "next"]);
    }

    [Fact]
    public void A_prompt_is_shown_once_and_again_with_its_answer()
    {
        var written = new List<string>();
        var lines = new ConsoleLines(written.Add);

        lines.Feed("login: "u8);
        lines.Flush();
        lines.Flush();
        lines.Feed("root\r\n"u8);
        lines.Feed("Password: "u8);
        lines.Flush();
        lines.Feed("\r\n"u8);

        written.ShouldBe(["login:", "login: root", "Password:"]);
    }

    [Fact]
    public void Whatever_is_printed_no_line_can_harm_a_terminal()
    {
        var random = new Random(7);
        byte[] alphabet = [.. "\e\e\e[]P;0123KCDGHJ\r\n\b\t\a\\ax"u8, 0x00, 0x18, 0x80, 0x9b, 0xc2, 0xe2, 0x80, 0xae, 0xf0, 0x9f, 0xff];
        var lines = new ConsoleLines(line =>
        {
            line.Length.ShouldBeLessThanOrEqualTo(2 * ConsoleLines.LongestLine);
            line.EnumerateRunes().All(ConsoleText.IsPrintable).ShouldBeTrue(line);
        });
        var bytes = new byte[64];
        for (var round = 0; round < 10_000; round++)
        {
            for (var at = 0; at < bytes.Length; at++)
            {
                bytes[at] = alphabet[random.Next(alphabet.Length)];
            }

            lines.Feed(bytes);
            if (round % 10 == 0)
            {
                lines.Flush();
            }
        }
    }
}
