using System.Text;
using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Images;
using KvmAgent.Import;
using KvmAgent.Status;

namespace KvmAgent.Tests.Import;

public sealed class ImportTerminationTests
{
    [Fact]
    public void It_has_CDIs_names()
    {
        var text = Encoding.UTF8.GetString(ImportTermination.Render(new ImportResult(ImportResult.Complete, "Complete", 0)
        {
            Format = "qcow2",
            VirtualSize = 1024,
            PreallocationApplied = true,
            ScratchSpaceRequired = false,
        }));

        text.ShouldBe("""{"message":"Import Complete","reason":"Complete","exitCode":0,"format":"qcow2","virtualSize":1024,"preallocationApplied":true,"scratchSpaceRequired":false}""");
    }

    [Theory]
    [InlineData("a")]
    [InlineData("\"")]
    [InlineData("é")]
    [InlineData("😀")]
    [InlineData("a😀")]
    [InlineData("\u0001\n")]
    public void It_is_whole_JSON_however_long_the_message(string piece)
    {
        for (var length = 300; length < 5000; length += 97)
        {
            var message = string.Concat(Enumerable.Repeat(piece, length));

            var bytes = ImportTermination.Render(new ImportResult(message, "Refused", 65) { Format = "raw" });

            bytes.Length.ShouldBeLessThanOrEqualTo(4096);
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
            var result = JsonSerializer.Deserialize(text, ContractsJson.Default.ImportResult)!;
            (result.ExitCode, result.Format).ShouldBe((65, "raw"));
            (result.Message == message || (result.Message.EndsWith('…') && message.StartsWith(result.Message[..^1], StringComparison.Ordinal))).ShouldBeTrue();
            result.Message.ShouldNotContain("\ufffd");
        }
    }

    [Fact]
    public void A_percentage_never_goes_back()
    {
        var percent = new OverallPercent();

        int[] told =
        [
            At(FetchPhase.Fetching, 0, 100), At(FetchPhase.Fetching, 50, 100), At(FetchPhase.Fetching, 10, 100), At(FetchPhase.Fetching, 100, 100),
            At(FetchPhase.Importing, 0, 8), At(FetchPhase.Importing, 8, 8), At(FetchPhase.Storing, 8, 8), At(FetchPhase.Storing, 8, null),
        ];

        told.ShouldBe([0, 47, 47, 95, 95, 99, 99, 99]);

        int At(FetchPhase phase, long bytes, long? total) => percent.At(new FetchProgress(bytes, total, 0, phase, null));
    }
}
