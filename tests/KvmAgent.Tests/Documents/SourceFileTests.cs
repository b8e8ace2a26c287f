using System.IO.Pipes;
using System.Text;
using KvmAgent.Documents;

namespace KvmAgent.Tests.Documents;

public sealed class SourceFileTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("source-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_file_that_is_not_there_is_none()
    {
        SourceFile.Read(Path.Combine(_directory, "no"), 10).ShouldBeNull();
        SourceFile.Read(Path.Combine(_directory, "no", "no"), 10).ShouldBeNull();
    }

    [Fact]
    public void A_file_is_read_up_to_its_limit()
    {
        var path = Path.Combine(_directory, "file");
        File.WriteAllText(path, "0123456789");

        SourceFile.Read(path, 10)!.Text().ShouldBe("0123456789");
        var error = Should.Throw<AgentException>(() => SourceFile.Read(path, 9));
        error.Reason.ShouldBe(FailureReason.Refused);
        error.Message.ShouldBe($"{path} has 10 bytes, more than the 9 that are allowed");
    }

    [Fact]
    public void A_config_map_that_was_mounted_as_a_directory_is_named_as_such() =>
        Should.Throw<AgentException>(() => SourceFile.Read(_directory, 10))
            .Message.ShouldStartWith($"{_directory} is a directory, not a file: mount one key");

    [Fact]
    public void What_is_no_regular_file_is_refused()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        var path = $"/proc/self/fd/{pipe.GetClientHandleAsString()}";

        var error = Should.Throw<AgentException>(() => SourceFile.Read(path, 10));

        error.Reason.ShouldBe(FailureReason.Refused);
        error.Message.ShouldStartWith($"cannot read {path}: ");
    }

    [Fact]
    public void A_byte_order_mark_is_no_text() => new SourceFile("/f", Encoding.UTF8.GetBytes("\uFEFFa")).Text().ShouldBe("a");
}
