using KvmAgent.Documents;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Documents;

public sealed class MountedDirectoryTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    /// <summary>As the kubelet lays it out: a version in a directory, a link to that, and a link through it for each key.</summary>
    [Fact]
    public void The_keys_of_a_mounted_secret_are_read_in_order_of_their_names()
    {
        _directory.Write("..2026_01/b", "two");
        _directory.Write("..2026_01/.dockerconfigjson", "one");
        _directory.Write("..2026_01/below/c", "not a key");
        _directory.Write("..2025_12/b", "former");
        File.CreateSymbolicLink(_directory.At("..data"), "..2026_01");
        File.CreateSymbolicLink(_directory.At("b"), "..data/b");
        File.CreateSymbolicLink(_directory.At("below"), "..data/below");

        Read().ShouldBe([(_directory.At(".dockerconfigjson"), "one"), (_directory.At("b"), "two")]);
    }

    [Fact]
    public void Only_regular_files_right_in_it_count()
    {
        _directory.Write("a", "a");
        _directory.Write("below/b", "b");
        _directory.Write("..old", "c");
        File.CreateSymbolicLink(_directory.At("link"), "/etc/passwd");

        Read().ShouldBe([(_directory.At("a"), "a")]);
    }

    [Fact]
    public void An_optional_config_map_that_is_not_there_has_no_files() => MountedDirectory.Read(_directory.At("none")).ShouldBeEmpty();

    [Fact]
    public void A_data_link_that_leads_elsewhere_is_refused()
    {
        File.CreateSymbolicLink(_directory.At("..data"), "/etc");

        Refusal().ShouldBe($"{_directory.At("..data")} leads out of its directory; mount a ConfigMap or Secret there");
    }

    [Fact]
    public void More_files_than_anybody_needs_are_refused()
    {
        for (var i = 0; i <= 1000; i++)
        {
            _directory.Write($"{i}", "");
        }

        Refusal().ShouldBe($"{_directory.FullPath} has more than 1000 files; take some out");
    }

    [Fact]
    public void More_bytes_than_anybody_needs_are_refused()
    {
        _directory.Write("a", new string('a', 9 << 20));
        _directory.Write("b", new string('b', 9 << 20));

        Refusal().ShouldContain("more than the 7340032 that are allowed");
    }

    private IEnumerable<(string Path, string Text)> Read() => MountedDirectory.Read(_directory.FullPath).Select(f => (f.Path, f.Text()));

    private string Refusal()
    {
        var error = Should.Throw<AgentException>(() => MountedDirectory.Read(_directory.FullPath));
        error.Reason.ShouldBe(FailureReason.Refused);
        return error.Message;
    }
}
