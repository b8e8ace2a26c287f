using FsCheck;
using FsCheck.Fluent;
using KvmAgent.Settings;

namespace KvmAgent.Tests.Settings;

public sealed class QuantityTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("1073741824", 1 << 30)]
    [InlineData("1Gi", 1 << 30)]
    [InlineData("1.5Gi", 3L << 29)]
    [InlineData(".5Ki", 512)]
    [InlineData("1.Ki", 1024)]
    [InlineData("512M", 512_000_000)]
    [InlineData("1k", 1000)]
    [InlineData("129e6", 129_000_000)]
    [InlineData("1.5E3", 1500)]
    [InlineData("1E", 1_000_000_000_000_000_000)]
    [InlineData("7Ei", 7L << 60)]
    [InlineData("128974848000m", 128_974_848)]
    [InlineData("1m", 1)]
    [InlineData("1500001u", 2)]
    [InlineData("1000000000n", 1)]
    [InlineData("0.1Ki", 103)]
    [InlineData("1e-3", 1)]
    public void It_is_read_as_kubernetes_reads_it(string text, long bytes)
    {
        Quantity.TryParse(text, out var read).ShouldBeTrue();
        read.ShouldBe(bytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("lots")]
    [InlineData("Gi")]
    [InlineData("-1Gi")]
    [InlineData("1 Gi")]
    [InlineData(" 1Gi")]
    [InlineData("1gi")]
    [InlineData("1KB")]
    [InlineData("1GiB")]
    [InlineData("1K")]
    [InlineData("1e3Ki")]
    [InlineData("1,5Gi")]
    [InlineData("0x10")]
    [InlineData("8Ei")]
    [InlineData("1e400")]
    [InlineData("99999999999999999999999Ei")]
    [InlineData("1.1.1")]
    public void Anything_else_is_none(string text) => Quantity.TryParse(text, out _).ShouldBeFalse();

    [Fact]
    public void What_is_written_is_read_back_the_same() => Check.One(
        Config.QuickThrowOnFailure,
        Prop.ForAll(
            Arb.From(Gen.Choose(0, int.MaxValue).SelectMany(_ => Gen.Choose(0, 32), (number, shift) => (long)number << shift)),
            bytes => Quantity.TryParse(Quantity.Format(bytes), out var read) && read == bytes));

    [Theory]
    [InlineData(0, "0")]
    [InlineData(1023, "1023")]
    [InlineData(1024, "1Ki")]
    [InlineData(1536L << 20, "1536Mi")]
    [InlineData(1L << 30, "1Gi")]
    [InlineData(7L << 60, "7Ei")]
    public void It_is_written_in_the_shortest_exact_form(long bytes, string text) => Quantity.Format(bytes).ShouldBe(text);

    [Theory]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1.00 KiB")]
    [InlineData(1310720, "1.25 MiB")]
    [InlineData(12L << 30, "12.0 GiB")]
    [InlineData(123L << 40, "123 TiB")]
    public void For_people_three_digits_do(long bytes, string text) => Quantity.Human(bytes).ShouldBe(text);
}
