using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Subresources;

namespace KvmAgent.Coordinator.Tests.Subresources;

public sealed class GoDurationTests
{
    [Theory]
    [InlineData("\"30s\"", 30_000)]
    [InlineData("\"1h5m0.5s\"", 3_900_500)]
    [InlineData("\"1.5h\"", 5_400_000)]
    [InlineData("\"100ms\"", 100)]
    [InlineData("\"2000us\"", 2)]
    [InlineData("\"2000µs\"", 2)]
    [InlineData("\"3000000ns\"", 3)]
    [InlineData("\"5m0s\"", 300_000)]
    [InlineData("0", 0)]
    [InlineData("1500000000", 1_500)]
    public void Gos_forms_are_read(string json, double milliseconds)
    {
        GoDuration.TryParse(JsonNode.Parse(json)!, out var duration).ShouldBeTrue();
        duration.TotalMilliseconds.ShouldBe(milliseconds, 0.001);
    }

    [Theory]
    [InlineData("\"\"")]
    [InlineData("\"30\"")]
    [InlineData("\"s\"")]
    [InlineData("\"1d\"")]
    [InlineData("\"-5s\"")]
    [InlineData("\"5s \"")]
    [InlineData("\"5 s\"")]
    [InlineData("\"9999999999h\"")]
    [InlineData("-1")]
    [InlineData("true")]
    [InlineData("[]")]
    [InlineData("{}")]
    public void All_else_is_none(string json) => GoDuration.TryParse(JsonNode.Parse(json)!, out _).ShouldBeFalse();
}
