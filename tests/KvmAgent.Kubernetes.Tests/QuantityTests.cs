using System.Text.Json;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes.Tests;

public sealed class QuantityTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("1", 1)]
    [InlineData("1Ki", 1024)]
    [InlineData("1.5Gi", 1610612736)]
    [InlineData(".5Gi", 536870912)]
    [InlineData("5.", 5)]
    [InlineData("1k", 1000)]
    [InlineData("2G", 2000000000)]
    [InlineData("1e9", 1000000000)]
    [InlineData("1E9", 1000000000)]
    [InlineData("1e+3", 1000)]
    [InlineData("+1Mi", 1048576)]
    [InlineData("1500m", 2)]
    [InlineData("1n", 1)]
    [InlineData("7Ei", 8070450532247928832)]
    [InlineData("1E", 1000000000000000000)]
    public void Bytes_are_rounded_up(string text, long bytes)
    {
        new Quantity(text).TryBytes(out var value).ShouldBeTrue();
        value.ShouldBe(bytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("Gi")]
    [InlineData("1gi")]
    [InlineData("1 Gi")]
    [InlineData("lots")]
    [InlineData("0x10")]
    [InlineData("1,5Gi")]
    [InlineData("-1")]
    [InlineData("8Ei")]
    [InlineData("999999999999999999999999999999999Ei")]
    [InlineData("1e400")]
    [InlineData("1GiB")]
    [InlineData("∞")]
    public void What_is_none_has_no_bytes(string? text) => new Quantity(text!).TryBytes(out _).ShouldBeFalse();

    [Theory]
    [InlineData(0, "0")]
    [InlineData(1, "1")]
    [InlineData(1048576, "1Mi")]
    [InlineData(1073741824, "1Gi")]
    [InlineData(1610612736, "1536Mi")]
    [InlineData(1000000000, "1000000000")]
    public void Bytes_are_written_as_people_would(long bytes, string text)
    {
        Quantity.OfBytes(bytes).Text.ShouldBe(text);
        new Quantity(text).TryBytes(out var value).ShouldBeTrue();
        value.ShouldBe(bytes);
    }

    [Theory]
    [InlineData("\"1Gi\"", "\"1Gi\"")]
    [InlineData("2", "\"2\"")]
    [InlineData("1.5", "\"1.5\"")]
    public void Json_may_have_a_number(string json, string written) =>
        JsonSerializer.Serialize(JsonSerializer.Deserialize<Quantity>(json)).ShouldBe(written);
}
