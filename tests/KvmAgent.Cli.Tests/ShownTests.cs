using KvmAgent.Cli.Output;

namespace KvmAgent.Cli.Tests;

public sealed class ShownTests
{
    [Theory]
    [InlineData("Debian 12", "Debian 12")]
    [InlineData("Größe", "Größe")]
    [InlineData("a\u001b[31mb", "a?[31mb")]
    [InlineData("a\nb\tc", "a?b?c")]
    [InlineData("abc\u202etxt.exe", "abc?txt.exe")]
    [InlineData("\u009b31m", "?31m")]
    [InlineData(null, "")]
    public void What_a_terminal_would_obey_is_not_shown(string? text, string shown) => Shown.Clean(text).ShouldBe(shown);

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(119, "119s")]
    [InlineData(120, "2m")]
    [InlineData(3 * 3600, "3h")]
    [InlineData(3 * 86400, "3d")]
    [InlineData(800 * 86400, "2y")]
    [InlineData(-5, "0s")]
    public void Ages_are_short(int seconds, string shown)
    {
        var now = DateTimeOffset.UnixEpoch.AddYears(50);
        Shown.Age(now.AddSeconds(-seconds), now).ShouldBe(shown);
    }

    [Theory]
    [InlineData(null, "")]
    [InlineData(512L, "512")]
    [InlineData(1L << 30, "1Gi")]
    [InlineData(1536L << 20, "1.5Gi")]
    public void Sizes_are_short(long? bytes, string shown) => Shown.Bytes(bytes).ShouldBe(shown);
}
