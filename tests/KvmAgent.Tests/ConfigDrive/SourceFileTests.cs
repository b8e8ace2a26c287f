using System.IO.Pipes;
using System.Text;
using KvmAgent.ConfigDrive;

namespace KvmAgent.Tests.ConfigDrive;

public sealed class SourceFileTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("source-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_file_that_is_not_there_is_none()
    {
        (await SourceFile.ReadAsync(Path.Combine(_directory, "no"), 10, default)).ShouldBeNull();
        (await SourceFile.ReadAsync(Path.Combine(_directory, "no", "no"), 10, default)).ShouldBeNull();
    }

    [Fact]
    public async Task A_file_is_read_up_to_its_limit()
    {
        var path = Path.Combine(_directory, "file");
        await File.WriteAllTextAsync(path, "0123456789");

        (await SourceFile.ReadAsync(path, 10, default))!.Text().ShouldBe("0123456789");
        var error = await Should.ThrowAsync<AgentException>(() => SourceFile.ReadAsync(path, 9, default));
        error.Reason.ShouldBe(FailureReason.Refused);
        error.Message.ShouldBe($"{path} has 10 bytes, more than the 9 that are allowed");
    }

    [Fact]
    public async Task A_config_map_that_was_mounted_as_a_directory_is_named_as_such() =>
        (await Should.ThrowAsync<AgentException>(() => SourceFile.ReadAsync(_directory, 10, default)))
            .Message.ShouldStartWith($"{_directory} is a directory, not a file: mount one key");

    [Fact]
    public async Task What_is_no_regular_file_is_refused()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        var path = $"/proc/self/fd/{pipe.GetClientHandleAsString()}";

        var error = await Should.ThrowAsync<AgentException>(() => SourceFile.ReadAsync(path, 10, default));

        error.Reason.ShouldBe(FailureReason.Refused);
        error.Message.ShouldStartWith($"cannot read {path}: ");
    }

    [Fact]
    public void A_byte_order_mark_is_no_text() => new SourceFile("/f", Encoding.UTF8.GetBytes("\uFEFFa")).Text().ShouldBe("a");
}
