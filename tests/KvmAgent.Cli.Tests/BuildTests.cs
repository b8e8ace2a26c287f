using KvmAgent.Coordinator.Tests.Rest;
using KvmAgent.Coordinator.Tests.Store;

namespace KvmAgent.Cli.Tests;

/// <summary>Builds of images by the real program, of a whole coordinator.</summary>
public sealed class BuildTests : IAsyncLifetime
{
    private const string Web = "registry.example.com/web";

    private Kvmctl _kvmctl = null!;
    private TestDatabase _database = null!;
    private ManagementCluster _management = null!;

    public async Task InitializeAsync()
    {
        _kvmctl = Kvmctl.Create();
        _management = await ManagementCluster.StartAsync(database: _database = TestDatabase.OfFile());
        // Pods here are no machines'.
        _management.Cluster.Node.Schedules = false;
        _kvmctl.LogIn(_management.Address, _management.Authority, _management.Cluster.Server.Token);
    }

    public async Task DisposeAsync()
    {
        _kvmctl.Dispose();
        await _management.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task A_build_is_registered_listed_told_and_seen_where_it_runs()
    {
        (await _kvmctl.DoAsync("build", "list")).ShouldBe("there are no builds\n");
        (await _kvmctl.DoAsync("build", "register", Web, "--digest", Digest('a'), "--build-host", "builder-1", "--action-id", "4711")).ShouldBe($"build 1 is revision 1 of {Web}\n");
        (await _kvmctl.DoAsync("build", "running", "-n", "shop")).ShouldMatch($@"^IMAGE +NEWEST +STATUS +PODS *\n{Web} +1 +none running +0 *\n$");
        Run("web-1", 'a');
        (await _kvmctl.DoAsync("build", "running", "-A", "-o", "wide")).ShouldMatch($@"\n{Web} +1 +consistent +1 +shop/web-1:1 *\n$");
        (await _kvmctl.DoAsync("build", "register", Web, "--digest", Digest('b'), "--digest", Digest('c'), "-o", "name")).ShouldBe("2\n");
        (await _kvmctl.DoAsync("build", "running", "-A")).ShouldMatch($@"\n{Web} +2 +outdated +1 *\n$");

        (await _kvmctl.DoAsync("build", "register", "registry.example.com/db", "--image-id", $"sha256:{new string('d', 64)}")).ShouldBe("build 3 is revision 1 of registry.example.com/db\n");
        var lines = (await _kvmctl.DoAsync("build", "ls")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines[0].ShouldMatch("^ID +IMAGE +REVISION +HOST +AGE *$");
        lines[1..].Select(static l => l.Split(' ')[0]).ShouldBe(["3", "2", "1"]);
        lines[3].ShouldMatch($@"^1 +{Web} +1 +builder-1 +\d+s *$");
        (await _kvmctl.DoAsync("build", "list", "--name", Web, "-o", "name")).ShouldBe("2\n1\n");
        var told = await _kvmctl.JsonAsync("build", "get", "1");
        ((string?)told["action_id"], (string?)told["repo_digests"]![0]).ShouldBe(("4711", Digest('a')));
    }

    [Theory]
    [InlineData(64, "there is nothing to know the build by", "build", "register", Web)]
    [InlineData(64, "name=\"web:1\" is no image without a tag", "build", "register", "web:1")]
    [InlineData(64, "--namespace shop and --all-namespaces exclude one another", "build", "running", "-A", "-n", "shop")]
    [InlineData(69, "build 9 not found", "build", "get", "9")]
    public async Task What_makes_no_sense_is_told_with_its_value_and_remedy(int code, string why, params string[] arguments)
    {
        var run = await _kvmctl.RunAsync(arguments);
        (run.ExitCode, run.Output).ShouldBe((code, ""), run.Error);
        run.Error.ShouldContain(why);
    }

    private static string Digest(char digit) => $"{Web}@sha256:{new string(digit, 64)}";

    private void Run(string name, char digit) => _management.Run(name, Web, Digest(digit));
}
