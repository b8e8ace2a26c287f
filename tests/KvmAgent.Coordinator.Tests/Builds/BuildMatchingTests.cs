using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Builds;

namespace KvmAgent.Coordinator.Tests.Builds;

/// <summary>What runtimes say that they run, against what was built.</summary>
public sealed class BuildMatchingTests
{
    private const string Web = "registry.example.com:5000/web";

    /// <summary>Two builds of one image.</summary>
    private static readonly IReadOnlyList<BuildSummary> Builds = [Build(Web, 1, 'a', 'b'), Build(Web, 2, 'c', 'd')];

    [Theory]
    // Docker's, with a digest of the registry and with the image's own id.
    [InlineData($"docker-pullable://{Web}@sha256:", 'c', 2, RuntimeStatuses.UpToDate)]
    [InlineData($"docker-pullable://{Web}@sha256:", 'a', 1, RuntimeStatuses.OutOfDate)]
    [InlineData("docker://sha256:", 'd', 2, RuntimeStatuses.UpToDate)]
    [InlineData("docker://sha256:", 'b', 1, RuntimeStatuses.OutOfDate)]
    // containerd's and CRI-O's.
    [InlineData($"{Web}@sha256:", 'c', 2, RuntimeStatuses.UpToDate)]
    [InlineData("sha256:", 'd', 2, RuntimeStatuses.UpToDate)]
    [InlineData("sha256:", 'b', 1, RuntimeStatuses.OutOfDate)]
    [InlineData("containerd://sha256:", 'c', 2, RuntimeStatuses.UpToDate)]
    // Of a mirror: the digest alone.
    [InlineData("mirror.example.org/copies/web@sha256:", 'a', 1, RuntimeStatuses.OutOfDate)]
    [InlineData("mirror.example.org/copies/web@sha256:", 'c', 2, RuntimeStatuses.UpToDate)]
    // None of the builds, or nothing that is told yet.
    [InlineData($"{Web}@sha256:", 'e', null, RuntimeStatuses.Unknown)]
    [InlineData("", null, null, RuntimeStatuses.Unknown)]
    public void One_container(string before, char? digest, int? revision, int status)
    {
        var use = BuildMatching.Match(Builds, [Container("web-1", before + (digest is { } d ? Digest(d) : ""))]).ShouldHaveSingleItem();
        (use.Name, use.Revision, use.RuntimeStatus).ShouldBe((Web, 2, status));
        use.Pods.ShouldHaveSingleItem().Revision.ShouldBe(revision);
    }

    [Fact]
    public void What_does_not_run_has_no_instance_and_what_others_run_is_not_told()
    {
        var use = BuildMatching.Match(Builds, [Container("db-1", $"docker.io/library/postgres@sha256:{Digest('f')}", "postgres:15")]).ShouldHaveSingleItem();
        (use.RuntimeStatus, use.Status, use.Pods.Count).ShouldBe((RuntimeStatuses.NoInstance, "none running", 0));
    }

    [Fact]
    public void One_old_container_makes_an_image_outdated_and_a_strange_one_unknown()
    {
        var (now, old, strange) = (Container("b", $"sha256:{Digest('d')}"), Container("a", $"sha256:{Digest('b')}"), Container("c", $"sha256:{Digest('0')}"));
        Status(now, now).ShouldBe(RuntimeStatuses.UpToDate);
        Status(now, strange).ShouldBe(RuntimeStatuses.Unknown);
        Status(now, strange, old).ShouldBe(RuntimeStatuses.OutOfDate);
        BuildMatching.Match(Builds, [now, strange, old]).Single().Pods.Select(static p => (p.Pod, p.Revision)).ShouldBe([("a", 1), ("b", 2), ("c", null)]);

        static int Status(params RunningContainer[] containers) => BuildMatching.Match(Builds, containers).Single().RuntimeStatus;
    }

    [Fact]
    public void A_whole_digest_goes_before_the_digest_and_that_before_the_id()
    {
        // One content under two names, and an id that is another's digest.
        IReadOnlyList<BuildSummary> builds =
        [
            Build("r/one", 1, '1', '2'),
            Build("r/two", 1, '1', '3'),
            Build("r/three", 1, '4', '1'),
        ];
        Named("r/one").ShouldBe("r/one");
        Named("r/two").ShouldBe("r/two");
        BuildMatching.Match(builds, [Container("x", $"sha256:{Digest('4')}", "any")]).Single(static u => u.Pods.Count > 0).Name.ShouldBe("r/three");
        BuildMatching.Match(builds, [Container("x", $"elsewhere/x@sha256:{Digest('1')}", "any")]).Single(static u => u.Pods.Count > 0).Name.ShouldNotBe("r/three");

        string Named(string repository) => BuildMatching.Match(builds, [Container("x", $"{repository}@sha256:{Digest('1')}", "any")]).Single(static u => u.Pods.Count > 0).Name;
    }

    [Fact]
    public void A_build_that_changed_nothing_leaves_what_runs_up_to_date() =>
        BuildMatching.Match([.. Builds, Build(Web, 3, 'c', 'd')], [Container("web-1", $"sha256:{Digest('d')}")]).Single().RuntimeStatus.ShouldBe(RuntimeStatuses.UpToDate);

    [Theory]
    [InlineData("registry.example.com:5000/web:1.2@sha256:", "registry.example.com:5000/web")]
    [InlineData("docker.io/library/web@sha256:", "docker.io/library/web")]
    public void A_tag_is_no_part_of_a_repository_and_a_port_is(string before, string repository) =>
        ImageReference.Parse(before + Digest('a'))!.Repository.ShouldBe(repository);

    [Theory]
    [InlineData("web:latest")]
    [InlineData("sha256:abc")]
    [InlineData("@sha256:")]
    [InlineData(null)]
    public void What_has_no_digest_is_no_reference(string? text) => ImageReference.Parse(text).ShouldBeNull();

    private static BuildSummary Build(string name, int revision, char digest, char id) => new()
    {
        Id = revision,
        Name = name,
        Revision = revision,
        RepoDigests = [$"{name}@sha256:{Digest(digest)}"],
        ImageId = $"sha256:{Digest(id)}",
        CreatedAt = DateTimeOffset.UnixEpoch,
    };

    private static RunningContainer Container(string pod, string imageId, string image = Web + ":latest") => new() { Namespace = "shop", Pod = pod, Container = "main", Image = image, ImageId = imageId };

    private static string Digest(char digit) => new(digit, 64);
}
